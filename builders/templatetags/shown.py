"""`{% load shown %}`: text from workers as people may see it."""

from django import template

from builders import shown

register = template.Library()
register.filter("visible", shown.visible)
register.filter("visible_lines", shown.visible_lines)
register.filter("length_of_time", shown.length)
