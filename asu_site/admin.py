"""What the site itself brings to the admin; found by Django under this name."""

from asu_site.backoffice import audit as audit
from asu_site.backoffice import people as people
