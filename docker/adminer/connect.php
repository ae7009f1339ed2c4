<?php
// Complemento de Adminer: entra con las variables DB_* del servicio en lugar de preguntar.
//
// Quien llega a la primera página sin haber entrado envía, sin saberlo, el formulario de
// entrada ya relleno; a partir de ahí Adminer guarda la sesión y sigue como siempre. Vale en
// Adminer 4 y 5: la imagen carga cada archivo de plugins-enabled/ antes de mirar quién es.

// Como entra solo, no contesta a una página cualquiera que haya hecho que su nombre apunte aquí.
if (!preg_match('/^(localhost|127\.0\.0\.1|\[::1\]|adminer)(:\d+)?$/', $_SERVER['HTTP_HOST'] ?? '')) {
    http_response_code(403);
    exit("Solo se contesta a http://localhost\n");
}
ini_set('session.cookie_samesite', 'Lax');

$password = getenv('DB_PASSWORD_FILE') ? trim(file_get_contents(getenv('DB_PASSWORD_FILE'))) : getenv('DB_PASSWORD');

if ($_SERVER['REQUEST_METHOD'] === 'GET' && !isset($_GET['username']) && empty($_SESSION['pwds'])) {
    $_POST['auth'] = [
        'driver' => 'pgsql',
        'server' => getenv('DB_HOST'),
        'username' => getenv('DB_USER'),
        'password' => $password,
        'db' => getenv('DB_NAME'),
    ];
}

return new class {
};
