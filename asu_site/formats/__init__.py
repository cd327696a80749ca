"""How dates are written where nothing else is said: one module a language, as Django looks for them."""
