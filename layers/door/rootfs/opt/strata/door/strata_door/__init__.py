"""The one login before every service of an image: makes Caddy's configuration, and judges requests for it."""
