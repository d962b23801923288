"""What the modes share and no widget is part of: background tasks, the engine, sound, choices."""
