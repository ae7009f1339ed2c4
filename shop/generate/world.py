"""El mundo de la tienda: provincias, nombres, artículos y calendario de España. Solo datos.

Con estas listas, `shop.py` inventa clientes, productos y tiendas, y `sales.py`, las ventas.
"""

from typing import NamedTuple


class Province(NamedTuple):
    """Una provincia; su posición en la lista + 1 es el principio de sus códigos postales."""

    name: str
    capital: str
    population: int  # decenas de miles de personas, redondeadas (INE, 2024)
    latitude: str  # de la capital, en grados
    longitude: str


PROVINCES = (
    Province("Álava", "Vitoria-Gasteiz", 34, "42.8467", "-2.6716"),
    Province("Albacete", "Albacete", 39, "38.9943", "-1.8585"),
    Province("Alicante", "Alicante", 199, "38.3452", "-0.4810"),
    Province("Almería", "Almería", 76, "36.8340", "-2.4637"),
    Province("Ávila", "Ávila", 16, "40.6566", "-4.6818"),
    Province("Badajoz", "Badajoz", 67, "38.8794", "-6.9707"),
    Province("Islas Baleares", "Palma", 123, "39.5696", "2.6502"),
    Province("Barcelona", "Barcelona", 588, "41.3874", "2.1686"),
    Province("Burgos", "Burgos", 36, "42.3439", "-3.6969"),
    Province("Cáceres", "Cáceres", 39, "39.4753", "-6.3724"),
    Province("Cádiz", "Cádiz", 126, "36.5271", "-6.2886"),
    Province("Castellón", "Castelló de la Plana", 61, "39.9864", "-0.0513"),
    Province("Ciudad Real", "Ciudad Real", 49, "38.9848", "-3.9274"),
    Province("Córdoba", "Córdoba", 77, "37.8882", "-4.7794"),
    Province("A Coruña", "A Coruña", 113, "43.3623", "-8.4115"),
    Province("Cuenca", "Cuenca", 20, "40.0704", "-2.1374"),
    Province("Girona", "Girona", 83, "41.9794", "2.8214"),
    Province("Granada", "Granada", 94, "37.1773", "-3.5986"),
    Province("Guadalajara", "Guadalajara", 28, "40.6325", "-3.1602"),
    Province("Gipuzkoa", "Donostia / San Sebastián", 73, "43.3183", "-1.9812"),
    Province("Huelva", "Huelva", 54, "37.2614", "-6.9447"),
    Province("Huesca", "Huesca", 23, "42.1362", "-0.4087"),
    Province("Jaén", "Jaén", 62, "37.7796", "-3.7849"),
    Province("León", "León", 45, "42.5987", "-5.5671"),
    Province("Lleida", "Lleida", 45, "41.6176", "0.6200"),
    Province("La Rioja", "Logroño", 32, "42.4627", "-2.4450"),
    Province("Lugo", "Lugo", 32, "43.0097", "-7.5568"),
    Province("Madrid", "Madrid", 701, "40.4168", "-3.7038"),
    Province("Málaga", "Málaga", 179, "36.7213", "-4.4214"),
    Province("Murcia", "Murcia", 157, "37.9922", "-1.1307"),
    Province("Navarra", "Pamplona", 68, "42.8125", "-1.6458"),
    Province("Ourense", "Ourense", 30, "42.3358", "-7.8639"),
    Province("Asturias", "Oviedo", 101, "43.3614", "-5.8593"),
    Province("Palencia", "Palencia", 16, "42.0096", "-4.5288"),
    Province("Las Palmas", "Las Palmas de Gran Canaria", 116, "28.1235", "-15.4363"),
    Province("Pontevedra", "Pontevedra", 95, "42.4310", "-8.6444"),
    Province("Salamanca", "Salamanca", 33, "40.9701", "-5.6635"),
    Province("Santa Cruz de Tenerife", "Santa Cruz de Tenerife", 108, "28.4636", "-16.2518"),
    Province("Cantabria", "Santander", 59, "43.4623", "-3.8100"),
    Province("Segovia", "Segovia", 16, "40.9429", "-4.1088"),
    Province("Sevilla", "Sevilla", 197, "37.3891", "-5.9845"),
    Province("Soria", "Soria", 9, "41.7665", "-2.4790"),
    Province("Tarragona", "Tarragona", 87, "41.1189", "1.2445"),
    Province("Teruel", "Teruel", 13, "40.3457", "-1.1065"),
    Province("Toledo", "Toledo", 75, "39.8628", "-4.0273"),
    Province("Valencia", "València", 274, "39.4699", "-0.3763"),
    Province("Valladolid", "Valladolid", 52, "41.6523", "-4.7245"),
    Province("Bizkaia", "Bilbao", 116, "43.2630", "-2.9350"),
    Province("Zamora", "Zamora", 17, "41.5035", "-5.7446"),
    Province("Zaragoza", "Zaragoza", 100, "41.6488", "-0.8891"),
    Province("Ceuta", "Ceuta", 8, "35.8894", "-5.3213"),
    Province("Melilla", "Melilla", 9, "35.2923", "-2.9381"),
)

FIRST_NAMES = (
    "María", "José", "Carmen", "Antonio", "Ana", "Manuel", "Lucía", "Francisco",
    "Begoña", "Íñigo", "Martín", "Sofía", "Hugo", "Paula", "Iván", "Nerea",
    "Álvaro", "Inés", "Óscar", "Rocío", "Jesús", "Mónica", "Joaquín", "Verónica",
    "Andrés", "Noelia", "Rubén", "Belén", "Adrián", "África", "Xoán", "Montserrat",
    "Jordi", "Amaia", "Iker", "Núria", "Toño", "Concepción", "Ángel", "Mª Ángeles",
    "Pilar", "Javier", "Elena", "Sergio", "Yolanda", "Miguel", "Isabel", "Luis",
    "Teresa", "Fermín",
)  # fmt: skip

SURNAMES = (
    "García", "Rodríguez", "González", "Fernández", "López", "Martínez", "Sánchez", "Pérez",
    "Gómez", "Martín", "Jiménez", "Ruiz", "Hernández", "Díaz", "Moreno", "Muñoz",
    "Álvarez", "Romero", "Alonso", "Gutiérrez", "Navarro", "Torres", "Domínguez", "Vázquez",
    "Ramos", "Gil", "Ramírez", "Serrano", "Blanco", "Molina", "Suárez", "Castro",
    "Ortega", "Delgado", "Ortiz", "Marín", "Rubio", "Núñez", "Sanz", "Medina",
    "Iglesias", "Castillo", "Cortés", "Garrido", "Santos", "Guerrero", "Lozano", "Cano",
    "Peña", "Ibáñez", "Yáñez", "Zúñiga", "Ordóñez", "Muñiz", "Cabañas", "Puig",
    "Etxeberria", "Seoane", "Güell", "de la Viña",
)  # fmt: skip


class Article(NamedTuple):
    """Un artículo del surtido; los primeros de la lista son los que más se venden."""

    name: str
    category: str
    price_cents: int
    weight_grams: int | None  # None: no pesa nada que conste, «N/D» en el archivo
    goes_with: str = ""  # lo que suele caer en el mismo tique
    season: str = ""  # «verano» o «invierno»: fuera de ella se vende poco


ARTICLES = (
    Article("Pan de molde integral", "Alimentación", 189, 460, "Jamón serrano en lonchas"),
    Article("Leche entera 1 l", "Bebidas", 105, 1030, "Café molido 250 g"),
    Article("Agua mineral 6 x 1,5 l", "Bebidas", 279, 9150),
    Article("Café molido 250 g", "Alimentación", 425, 250, "Leche entera 1 l"),
    Article("Cerveza sin alcohol, pack de 6", "Bebidas", 399, 2100, "Patatas fritas artesanas"),
    Article("Patatas fritas artesanas", "Alimentación", 195, 180, "Cerveza sin alcohol, pack de 6"),
    Article("Espaguetis 500 g", "Alimentación", 115, 500, "Tomate frito casero"),
    Article("Tomate frito casero", "Alimentación", 149, 400, "Espaguetis 500 g"),
    Article("Aceite de oliva virgen extra 1 l", "Alimentación", 949, 920),
    Article("Jamón serrano en lonchas", "Alimentación", 349, 120, "Pan de molde integral"),
    Article("Papel higiénico, 12 rollos", "Hogar", 459, 1350, "Detergente líquido 3 l"),
    Article("Detergente líquido 3 l", "Hogar", 899, 3150, "Suavizante «Montaña»"),
    Article("Cuaderno A4 cuadriculado", "Papelería", 295, 380, "Bolígrafo azul, caja de 10"),
    Article("Bolígrafo azul, caja de 10", "Papelería", 349, 90, "Cuaderno A4 cuadriculado"),
    Article("Queso manchego curado", "Alimentación", 1295, 750, "Vino tinto crianza"),
    Article("Vino tinto crianza", "Bebidas", 795, 1250, "Queso manchego curado"),
    Article("Gazpacho fresco 1 l", "Bebidas", 275, 1040, "", "verano"),
    Article("Helado de turrón 1 l", "Alimentación", 495, 550, "", "verano"),
    Article("Turrón de Jijona", "Alimentación", 895, 250, "Cava brut", "invierno"),
    Article("Cava brut", "Bebidas", 745, 1600, "Turrón de Jijona", "invierno"),
    Article("Suavizante «Montaña»", "Hogar", 399, 2050),
    Article("Camiseta de algodón", "Ropa", 1299, 160, "Calcetines, pack de 3"),
    Article("Calcetines, pack de 3", "Ropa", 799, 120),
    Article("Pilas AA, blíster de 8", "Electrónica", 649, 190),
    Article("Pantalón vaquero", "Ropa", 3995, 620, "Cinturón de piel"),
    Article("+Vida, barrita de proteína", "Alimentación", 165, 45),
    Article("Piñones 100 g", "Alimentación", 749, 100),
    Article("Cinturón de piel", "Ropa", 2195, 210),
    Article("Folios A4 80 g, 500 hojas", "Papelería", 545, 2500, "Carpeta clasificadora"),
    Article("Carpeta clasificadora", "Papelería", 425, 310),
    Article("Bombilla led E27", "Hogar", 395, 60),
    Article("Auriculares inalámbricos", "Electrónica", 4990, 55),
    Article("Cable USB-C 2 m", "Electrónica", 1290, 45),
    Article("Bañador", "Ropa", 1995, 140, "Toalla de playa", "verano"),
    Article("Toalla de playa", "Hogar", 1695, 450, "Bañador", "verano"),
    Article("Bufanda de lana", "Ropa", 1895, 180, "Gorro de punto", "invierno"),
    Article("Gorro de punto", "Ropa", 1295, 90, "Bufanda de lana", "invierno"),
    Article("Set de 6 vasos; 30 cl", "Hogar", 1495, 1450),
    Article("Sartén 28 cm", "Hogar", 2795, 1150),
    Article("Ratón óptico", "Electrónica", 1790, 95),
    Article("Tarjeta regalo", "Papelería", 2500, None),
    Article("Agenda 2026", "Papelería", 1395, 340, "", "invierno"),
    Article("Ventilador de pie", "Electrónica", 3995, 3200, "", "verano"),
    Article("Manta polar", "Hogar", 2295, 900, "", "invierno"),
    Article("Abrigo de paño", "Ropa", 8995, 1400, "", "invierno"),
    Article("Cafetera exprés", "Electrónica", 11900, 4100, "Café molido 250 g"),
    Article("Aspiradora sin cable", "Electrónica", 24900, 2600),
    Article("Antivirus, licencia de 1 año", "Electrónica", 2999, None),
    Article("Portátil 15,6 pulgadas", "Electrónica", 79900, 1750, "Ratón óptico"),
    Article('Televisor 55" 4K', "Electrónica", 64900, 14200),
    Article("Frigorífico combi 2 m", "Electrónica", 89900, 68000),
)

BRANDS = ("La Peña", "Ñandú", "Casa Begoña", "Sol y Mar", "El Cántaro", "Iberia Sur",
          "Montañés", "Cigüeña", "Río Miño", "Azahar", "Lumbre", "Don Íñigo")  # fmt: skip

# Formato y cuánto cuesta y pesa respecto al normal, en porcentaje.
FORMATS = (("", 100), ("formato ahorro", 170), ("mini", 60), ("doble", 190), ("lote de 3", 270))

# Lunes a domingo: el sábado es el gran día y el domingo casi todo cierra.
WEEKDAY_WEIGHTS = (9, 9, 10, 11, 14, 18, 4)
MONTH_WEIGHTS = (105, 88, 92, 95, 98, 102, 110, 78, 96, 100, 118, 152)
HOLIDAYS_2025 = ("2025-01-01", "2025-01-06", "2025-04-18", "2025-05-01", "2025-08-15",
                 "2025-10-12", "2025-11-01", "2025-12-06", "2025-12-08", "2025-12-25")  # fmt: skip
# Rebajas de enero y de verano, y la semana del «viernes negro»: primer y último día.
SALES_PERIODS_2025 = (("2025-01-07", "2025-02-28"), ("2025-07-01", "2025-08-31"), ("2025-11-24", "2025-11-30"))
# Los precios de `productos` rigen desde esta fecha; antes todo costaba un 3 % menos.
PRICE_RISE_2025 = "2025-07-01"
