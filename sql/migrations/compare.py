"""Lo que Alembic no hace solo al comparar lo declarado con las tablas, para que la migración se pueda aplicar.

compare_checks   los CHECK que salen de las reglas: si cambia una regla, cambia su CHECK
finish           el nombre, el orden y lo que tiene que esperar, porque las filas que ya hay no lo cumplen
"""

import re
from graphlib import TopologicalSorter

import sqlalchemy as sa
from alembic.autogenerate import comparators
from alembic.operations import ops
from sqlalchemy.sql.elements import conv

from etl.errors import UsageError

NAME_SIZE = 32  # el ancho de la columna en que Alembic apunta la migración aplicada
CHECKS = (
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' AND conrelid = to_regclass(:t)"
)
LATER = (
    "hay filas sin valor en «{}», que por eso admite nulos de momento",
    "hay filas que no cumplen la regla «{}», y su CHECK tiene que esperar",
)
MEND = (
    "Quite «unique» de la declaración, corrija los archivos que las traen y cárguelos; después, póngalo otra vez y"
    " «etl revision»."
)
NEXT = "«etl run --again» lee los archivos otra vez con lo que se declara ahora; después, «etl revision»"


@comparators.dispatch_for("table")
def compare_checks(autogen_context, modify, schema, name, found, declared):
    """Compara los CHECK de una tabla con los que salen de sus reglas."""
    if found is None or declared is None or schema != "datos":
        return
    connection = autogen_context.connection
    there = dict(connection.execute(sa.text(CHECKS), {"t": f'"{schema}"."{name}"'}).all())
    conditions = {str(one.name): _condition(one) for one in declared.constraints if _is_check(one)}
    meant = _as_postgres_says(connection, declared, conditions)
    for key in sorted(there):
        if meant.get(key) != there[key]:
            old = sa.CheckConstraint(there[key].removeprefix("CHECK "), name=conv(key), table=found)
            modify.ops.append(ops.DropConstraintOp.from_constraint(old))
    for key in sorted(meant):
        if meant[key] != there.get(key):
            new = ops.CreateCheckConstraintOp(conv(key), name, conditions[key], schema=schema)
            modify.ops.append(new)


def _is_check(constraint):
    return isinstance(constraint, sa.CheckConstraint)


def _condition(check):
    literal = {"literal_binds": True, "include_table": False}
    return str(check.sqltext.compile(dialect=sa.dialects.postgresql.dialect(), compile_kwargs=literal))


def _as_postgres_says(connection, declared, conditions):
    """Cada CHECK con las palabras de PostgreSQL, que no son las nuestras: las de una tabla temporal que los lleva."""
    temporary = sa.Table(
        "as_declared",
        sa.MetaData(),
        *(sa.Column(column.name, column.type) for column in declared.columns),
        *(sa.CheckConstraint(sa.text(condition), name=conv(key)) for key, condition in conditions.items()),
        prefixes=["TEMPORARY"],
    )
    temporary.create(connection)
    meant = dict(connection.execute(sa.text(CHECKS), {"t": "pg_temp.as_declared"}).all())
    temporary.drop(connection)
    return meant


def finish(migration_context, script, message):
    """Deja una migración lista para aplicarla; devuelve lo que hay que decir de ella."""
    changes, connection = script.upgrade_ops, migration_context.connection
    new = {one.table_name for one in changes.ops if isinstance(one, ops.CreateTableOp)}
    # Los índices de una tabla nueva vienen aparte, como un cambio suyo.
    told = [one for one in changes.ops if not (isinstance(one, ops.ModifyTableOps) and one.table_name in new)]
    _refuse_repeated(connection, told)
    waiting = [text for change in told for text in _postpone(connection, change)]
    changes.ops = [one for one in changes.ops if not (isinstance(one, ops.ModifyTableOps) and one.is_empty())]
    dropped = [one for one in changes.ops if isinstance(one, ops.DropTableOp)]
    dropped.sort(key=lambda one: one.table_name)  # Alembic las da cada vez en un orden
    # Al final: lo que se queda deja antes de apuntar a lo que se borra.
    changes.ops = [one for one in changes.ops if one not in dropped] + _children_first(dropped)
    changes.reverse_into(script.downgrade_ops)
    message = message or ", ".join(dict.fromkeys(_what(one) for one in changes.ops if one in told)) or "nada"
    if waiting and changes.is_empty():
        raise UsageError(f"Aún no se puede escribir la migración: {'; '.join(waiting)}.", f"{NEXT}.")
    for table in dropped:
        # Si no, al volver a declararla, sus archivos parecerían cargados.
        changes.ops.append(
            ops.ExecuteSQLOp(
                "UPDATE etl.loads SET status = 'replaced'"  # noqa: S608 - el nombre es de una tabla que existe
                f" WHERE status = 'loaded' AND table_name = '{table.schema}.{table.table_name}'"
            )
        )
    script.message = message
    script.rev_id = _name(migration_context, message)
    return waiting


def _postpone(connection, change):
    """Quita de un cambio lo que las filas que ya hay no dejarían hacer; devuelve qué."""
    if not isinstance(change, ops.ModifyTableOps) or change.schema != "datos":
        return
    table = sa.table(change.table_name, schema=change.schema)
    filled = connection.scalar(sa.select(sa.exists().select_from(table)))
    added = {one.column.name for one in change.ops if isinstance(one, ops.AddColumnOp)}
    for one in list(change.ops):
        if isinstance(one, ops.AddColumnOp) and not one.column.nullable and one.column.server_default is None:
            one.column = one.column._copy()
            one.column.nullable = True
            yield LATER[0].format(one.column.name)
        elif isinstance(one, ops.AlterColumnOp) and one.modify_nullable is False and filled:
            if _any(connection, table, sa.column(one.column_name).is_(None)):
                change.ops.remove(one)
                yield LATER[0].format(one.column_name)
        elif isinstance(one, ops.CreateCheckConstraintOp) and filled:
            about_new = any(re.search(rf"\b{re.escape(name)}\b", one.condition) for name in added)
            if not about_new and _any(connection, table, sa.text(f"NOT ({one.condition})")):
                change.ops.remove(one)
                yield LATER[1].format(one.constraint_name)


def _refuse_repeated(connection, changes):
    """Lanza `UsageError` si hay filas que repiten lo que se pide que no se repita. Se prueba de verdad, y se deshace.

    No se escribe nada, tampoco lo demás: quizá lo necesita, como la clave foránea que apunta a esa columna.
    """
    for change in (one for group in changes for one in getattr(group, "ops", ())):
        if isinstance(change, ops.CreateUniqueConstraintOp):
            one, create = change.to_constraint(), sa.schema.AddConstraint
        elif isinstance(change, ops.CreateIndexOp) and change.unique:
            one, create = change.to_index(), sa.schema.CreateIndex
        else:
            continue
        asked, one.name = one.name, "etl_trial"  # con el suyo puede haber otro, que se va
        try:
            with connection.begin_nested() as savepoint:
                connection.execute(create(one))
                savepoint.rollback()
        except sa.exc.IntegrityError as error:
            raise UsageError(
                f"Aún no se puede escribir la migración: hay filas que repiten lo que «{asked}» no admite.", MEND
            ) from error
        except sa.exc.ProgrammingError:  # su tabla o su columna son nuevas
            continue


def _any(connection, table, condition):
    return connection.scalar(sa.select(sa.exists().select_from(table).where(condition)))


def _children_first(dropped):
    """Las tablas que se borran, cada una después de las que apuntan a ella."""
    named = {f"{one.schema}.{one.table_name}": one for one in dropped}
    order = TopologicalSorter(dict.fromkeys(named, ()))
    for name, one in named.items():
        for key in one.to_table().foreign_keys:
            parent = key.target_fullname.rpartition(".")[0]
            if parent in named and parent != name:
                order.add(parent, name)
    return [named[name] for name in order.static_order()]


def _what(change):
    verbs = {ops.CreateTableOp: "tabla", ops.DropTableOp: "quita", ops.ModifyTableOps: "cambia"}
    return f"{verbs.get(type(change), 'cambia')} {getattr(change, 'table_name', '')}".strip()


def _name(migration_context, message):
    """«0003_tabla_cosas»: el número da el orden, y el resto distingue las que escriban dos personas a la vez."""
    numbers = [re.match(r"\d+", one.revision) for one in migration_context.script.walk_revisions()]
    following = max((int(found[0]) for found in numbers if found), default=0) + 1
    words = "_".join(re.findall(r"\w+", message)).lower()
    return f"{following:04d}_{words}"[:NAME_SIZE].rstrip("_")
