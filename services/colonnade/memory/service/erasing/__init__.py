"""Erasing a subject everywhere: asked for, carried out service by service, receipted, and watched over."""
