"""What PyTorch computes: resizes recorded while a model runs, and models made ready for export."""
