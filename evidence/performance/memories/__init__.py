"""What memory is judged by: passages with questions, facts of countries, and vectors by the million."""
