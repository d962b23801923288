"""Signal processing on NumPy arrays: resampling, loudness, mel spectra, noise gate."""
