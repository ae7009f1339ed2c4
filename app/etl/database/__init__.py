"""database: qué PostgreSQL se usa, cómo se entra en él y qué tablas tiene.

server.py    el de DB_HOST o el propio (embedded/)     connection.py  conectar con límites
migrate.py   esquemas, papeles y migraciones           registry.py    las tablas del registro
"""
