"""What people read: the study report with its plots, and the dataset card."""
