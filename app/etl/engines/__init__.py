"""Dónde se valida: `local` en este proceso y `spark` en un clúster. Ambos llaman a `transform`."""
