#!/bin/bash
# Run once by the postgres image on an empty volume: a database and a role for each service, closed to the others.
set -euo pipefail
for service in accounts contacts campaigns dispatcher billing notifier; do
  variable="KERYX_DB_PASSWORD_${service^^}"
  psql --username "$POSTGRES_USER" --dbname postgres --set ON_ERROR_STOP=1 --quiet \
       --set name="keryx_$service" --set password="${!variable}" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
