"""moto's server, with what its KMS leaves out ("MessageType-parameter DIGEST is not yet implemented", models.py of moto):
as AWS's reference of Sign has it, a message of type DIGEST is signed as it is, and not hashed again."""

import threading

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.kms.responses import KmsResponse
from moto.kms.utils import ECDSAPrivateKey
from moto.server import main

request = threading.local()
respond, sign = KmsResponse.sign, ECDSAPrivateKey.sign


def respond_by_type(self):
    request.is_digest = self._get_param("MessageType") == "DIGEST"
    return respond(self)


def sign_by_type(self, message, signing_algorithm):
    if request.is_digest and signing_algorithm == "ECDSA_SHA_256":
        return self.private_key.sign(message, ec.ECDSA(Prehashed(hashes.SHA256())))
    return sign(self, message, signing_algorithm)


KmsResponse.sign, ECDSAPrivateKey.sign = respond_by_type, sign_by_type
main()
