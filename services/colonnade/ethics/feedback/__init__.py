"""What people say of answers: kept, reviewed, and made into pairs and reward models."""
