"""formats: los formatos que el núcleo no lee, y lo que hay que mirar al principio de un archivo."""
