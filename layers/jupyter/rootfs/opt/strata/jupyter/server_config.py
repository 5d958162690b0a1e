"""Jupyter behind the door, which asks for the login: without a token of its own, and on loopback alone.

It is given by `--config` and lies in no folder that Jupyter looks into by itself: the platform's own Jupyter, which listens
on all addresses, must never read it.
"""

c = get_config()  # noqa: F821  # Jupyter provides it

c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port = 18080
# Another port would be one that nobody proxies.
c.ServerApp.port_retries = 0
c.ServerApp.open_browser = False
c.ServerApp.allow_root = True
c.IdentityProvider.token = ""
c.PasswordIdentityProvider.password_required = False
# The door passes the name under which it was called, whatever that is.
c.ServerApp.allow_remote_access = True
c.ServerApp.trust_xheaders = True
c.ServerApp.terminado_settings = {"shell_command": ["/bin/bash", "-l"]}
# Only the environment with torch, whose kernel JUPYTER_PATH names.
c.KernelSpecManager.ensure_native_kernel = False
c.ServerApp.quit_button = False
c.ContentsManager.allow_hidden = True
c.FileContentsManager.delete_to_trash = False
# What was saved before it was renamed into place survives a full disk.
c.FileContentsManager.use_atomic_writing = True
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.handlers.announcements.NeverCheckForUpdate"
# Extensions would go into the services' environment, which is exactly its lock.
c.LabApp.extension_manager = "readonly"
