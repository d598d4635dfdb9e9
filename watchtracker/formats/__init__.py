"""How pages write dates: Django looks for a package a language here."""
