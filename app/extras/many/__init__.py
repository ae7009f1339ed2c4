"""many: muchos archivos en datos/."""
