"""What this computer has of what the program needs: one module per area, each returns its findings."""
