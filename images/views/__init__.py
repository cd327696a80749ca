"""Pages for people, and the store: one module a page. They work without JavaScript."""
