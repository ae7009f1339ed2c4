"""database: qué PostgreSQL se usa, cómo se entra en él y qué tablas tiene.

connection.py  conectar con límites      migrate.py  esquemas, papeles y migraciones (sql/migrations)
"""
