"""What the page of an image shows, made from its rows: one module a part of it. Nothing here is secret."""

from images.pages.logs import LOG_HEAD, LOG_TAIL, cut_log
from images.pages.page import ImagePage, title_of

__all__ = ["LOG_HEAD", "LOG_TAIL", "ImagePage", "cut_log", "title_of"]
