"""The instance's page: applications, tunnels, services, logs, and what the machine does."""
