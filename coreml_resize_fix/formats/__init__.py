"""What a Core ML file is: one folder for each kind of model."""
