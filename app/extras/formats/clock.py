"""Cómo se escribe una duración: «30:05:00». Los días no se cuentan aparte."""

from datetime import timedelta


def clock(length: timedelta | None) -> str | None:
    """«30:05:00»: horas, minutos y segundos, sin días."""
    if length is None:
        return None
    sign, micros = ("-" if length < timedelta() else ""), abs(length) // timedelta(microseconds=1)
    seconds, rest = divmod(micros, 1_000_000)
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}" + (f".{rest:06}" if rest else "")
