"""What a centre serves over HTTP: FDSN web services of stations, events and waveforms, read-only."""
