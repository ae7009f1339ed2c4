<?php
// Como en la imagen oficial: cada archivo de plugins-enabled/ devuelve un complemento.
function adminer_object() {
    $plugins = [];
    foreach (glob('plugins-enabled/*.php') as $file) {
        $plugins[] = require $file;
    }
    return new Adminer\Plugins($plugins);
}
require 'adminer.php';
