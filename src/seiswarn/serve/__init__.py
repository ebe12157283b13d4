"""What seiswarn serves to others: recorded or live data to SeedLink clients."""
