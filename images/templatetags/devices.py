"""Addresses of devices, for templates."""

from django import template

from images.device_page import address_of

register = template.Library()
register.simple_tag(address_of, name="device_address")
