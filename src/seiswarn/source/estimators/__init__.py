"""Source estimators: arrivals in, a hypocentre with its uncertainty out."""
