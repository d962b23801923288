"""Signal processing on numpy arrays: files, resampling, loudness, spectra, silence."""
