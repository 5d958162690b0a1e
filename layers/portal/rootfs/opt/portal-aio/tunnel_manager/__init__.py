"""Opens Cloudflare tunnels to the door of the instance's applications, and keeps them open."""
