"""What is said of models and versions beside their files, how they are found by it, and how they leave."""
