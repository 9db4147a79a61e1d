"""TensorFlow's operators and the sizes that they compute, in whatever a network is kept."""
