"""What a run on several devices would take, before one is rented: memory a device, bytes between them."""
