//! Tokens of an Ed25519 unit, which OpenSSL 3.0 cannot make.

use ed25519_dalek::Signer;
use ishibumi_artifact::Certificate;
use sha2::{Digest, Sha512};

use crate::support::{ASK, Ask, Node, Pki, element, signed_data, signer_info};

/// OpenSSL 3.0 cannot sign CMS with Ed25519, so the signer information is rebuilt here (RFC 8419).
/// `more`: what follows the hash in the ESSCertIDv2, and further signed attributes.
pub(crate) fn token(
    pki: &Pki,
    more: impl FnOnce(&Certificate, &mut Vec<u8>, &mut Vec<Vec<u8>>),
) -> Vec<u8> {
    let mut tree = Node::read(&pki.token(Ask {
        certificates: false,
        ..ASK
    }));
    let key = pki.openssl(&["pkey", "-in", "tsu-ed25519.key", "-outform", "DER"]);
    let certificate = pki.certificate("tsu-ed25519");
    let seed = <[u8; 32]>::try_from(&key[key.len() - 32..]).unwrap();
    // Drop the optional tsa field, which names the other unit.
    let content = signed_data(&mut tree).child(2).child(1).child(0).bytes();
    let mut info = Node::read(content);
    info.children()
        .retain(|field| !matches!(field, Node::Tree(0xa0, _)));
    *content = info.der();
    let digest = Sha512::digest(&*content);

    let oid = |bytes: &[u8]| element(0x06, bytes);
    let attribute =
        |name: &[u8], value: &[u8]| element(0x30, &[oid(name), element(0x31, value)].concat());
    let pkcs9 =
        |tail: &[u8]| [&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09][..], tail].concat();
    let mut identifier = element(0x04, &certificate.digest());
    let mut further = Vec::new();
    more(&certificate, &mut identifier, &mut further);
    let ess = element(0x30, &element(0x30, &element(0x30, &identifier)));
    let mut attributes = vec![
        attribute(&pkcs9(&[3]), &oid(&pkcs9(&[16, 1, 4]))),
        attribute(&pkcs9(&[4]), &element(0x04, &digest)),
        attribute(&pkcs9(&[16, 2, 47]), &ess),
    ];
    attributes.extend(further);
    attributes.sort();
    let attributes = attributes.concat();
    let key = ed25519_dalek::SigningKey::from_bytes(&seed);
    let signature = key.sign(&element(0x31, &attributes)).to_bytes();

    let issuer = Node::read(certificate.der()).child(0).child(3).clone();
    let info = signer_info(&mut tree);
    *info.child(1) = Node::Tree(
        0x30,
        vec![issuer, Node::Leaf(0x02, certificate.serial().to_vec())],
    );
    *info.child(2) = Node::Tree(
        0x30,
        vec![Node::Leaf(
            0x06,
            vec![0x60, 0x86, 0x48, 0x01, 0x65, 3, 4, 2, 3],
        )],
    );
    *info.child(3) = Node::read(&element(0xa0, &attributes));
    *info.child(4) = Node::Tree(0x30, vec![Node::Leaf(0x06, vec![0x2b, 0x65, 0x70])]);
    *info.child(5) = Node::Leaf(0x04, signature.to_vec());
    let certificates = [Node::read(certificate.der())];
    signed_data(&mut tree)
        .children()
        .insert(3, Node::Tree(0xa0, certificates.to_vec()));
    tree.der()
}
