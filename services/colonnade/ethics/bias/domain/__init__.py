"""What bias speaks of: probes, figures, reports. Pure."""
