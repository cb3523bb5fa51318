// Evidence records by Bouncy Castle: makes some for ours to verify, and verifies ours.
//
//   Ers make DIR              writes data, anchor.crt and *.ers, with units of its own whose clocks are set
//   Ers over DATA DIR         writes anchor.crt and a record over DATA, of 2027, renewed in 2035 and 2045
//   Ers check ERS DATA DATE   validates a record of ours over DATA, as of DATE (seconds since the Epoch)
//
// The clocks are why it is made here: OpenSSL's units take the time of the machine, and what matters in
// renewals happens in thirty years.

import java.io.File;
import java.io.FileInputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.security.Security;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.cms.ContentInfo;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.tsp.ArchiveTimeStamp;
import org.bouncycastle.asn1.tsp.EvidenceRecord;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.asn1.cms.CMSAttributes;
import org.bouncycastle.cms.DefaultSignedAttributeTableGenerator;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.DigestCalculator;
import org.bouncycastle.operator.DigestCalculatorProvider;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.tsp.TSPAlgorithms;
import org.bouncycastle.tsp.TimeStampRequest;
import org.bouncycastle.tsp.TimeStampRequestGenerator;
import org.bouncycastle.tsp.TimeStampResponse;
import org.bouncycastle.tsp.TimeStampResponseGenerator;
import org.bouncycastle.tsp.TimeStampTokenGenerator;
import org.bouncycastle.tsp.ers.ERSArchiveTimeStampGenerator;
import org.bouncycastle.tsp.ers.ERSByteData;
import org.bouncycastle.tsp.ers.ERSDataGroup;
import org.bouncycastle.tsp.ers.ERSEvidenceRecord;
import org.bouncycastle.tsp.ers.ERSEvidenceRecordGenerator;

public final class Ers {
    static final DigestCalculatorProvider DIGESTS;

    static {
        Security.addProvider(new BouncyCastleProvider());
        try {
            DIGESTS = new JcaDigestCalculatorProviderBuilder().build();
        } catch (Exception error) {
            throw new IllegalStateException(error);
        }
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length == 2 && arguments[0].equals("make")) {
            make(Path.of(arguments[1]));
        } else if (arguments.length == 3 && arguments[0].equals("over")) {
            over(Path.of(arguments[1]), Path.of(arguments[2]));
        } else if (arguments.length == 4 && arguments[0].equals("check")) {
            check(arguments[1], arguments[2], Long.parseLong(arguments[3]));
        } else {
            System.err.println("usage: Ers make DIR | Ers over DATA DIR | Ers check ERS DATA SECONDS");
            System.exit(2);
        }
    }

    static Date at(String time) {
        return Date.from(Instant.parse(time));
    }

    static DigestCalculator digest(ASN1ObjectIdentifier algorithm) throws Exception {
        return DIGESTS.get(new AlgorithmIdentifier(algorithm));
    }

    static BigInteger serial = BigInteger.ONE;

    static BigInteger nextSerial() {
        serial = serial.add(BigInteger.ONE);
        return serial;
    }

    static KeyPair key(String algorithm, Object size) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm, "BC");
        if (size instanceof String) {
            generator.initialize(new ECGenParameterSpec((String) size), new SecureRandom());
        } else if (size != null) {
            generator.initialize((Integer) size);
        }
        return generator.generateKeyPair();
    }

    static KeyPair caKey;
    static X509CertificateHolder ca;
    static final X500Name CA_NAME = new X500Name("CN=Renewal Test CA,O=Test,C=JP");

    /** A time-stamping unit: key, certificate with its dates, algorithm. */
    static final class Unit {
        final KeyPair key;
        final String algorithm;
        final X509CertificateHolder certificate;

        Unit(String name, KeyPair key, String algorithm, String from, String to) throws Exception {
            this.key = key;
            this.algorithm = algorithm;
            JcaX509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(
                CA_NAME, nextSerial(), at(from), at(to), new X500Name("CN=" + name + ",O=Test,C=JP"), key.getPublic());
            builder.addExtension(Extension.extendedKeyUsage, true, new ExtendedKeyUsage(KeyPurposeId.id_kp_timeStamping));
            builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature));
            certificate = builder.build(new JcaContentSignerBuilder("SHA512withECDSA").build(caKey.getPrivate()));
        }

        TimeStampResponse stamp(TimeStampRequest request, String time) throws Exception {
            JcaSimpleSignerInfoGeneratorBuilder signer = new JcaSimpleSignerInfoGeneratorBuilder();
            // signingTime would be that of this machine.
            signer.setSignedAttributeGenerator(parameters ->
                new DefaultSignedAttributeTableGenerator().getAttributes(parameters).remove(CMSAttributes.signingTime));
            TimeStampTokenGenerator generator = new TimeStampTokenGenerator(
                signer.build(algorithm, key.getPrivate(), certificate),
                digest(NISTObjectIdentifiers.id_sha256), new ASN1ObjectIdentifier("1.3.6.1.4.1.32473.1"));
            generator.setAccuracySeconds(1);
            generator.addCertificates(new JcaCertStore(Collections.singletonList(certificate)));
            return new TimeStampResponseGenerator(generator, TSPAlgorithms.ALLOWED).generate(request, nextSerial(), at(time));
        }
    }

    static TimeStampRequestGenerator asking() {
        TimeStampRequestGenerator generator = new TimeStampRequestGenerator();
        generator.setCertReq(true);
        return generator;
    }

    static ERSEvidenceRecord first(Unit unit, String time, byte[] data, List<byte[]> others) throws Exception {
        ERSArchiveTimeStampGenerator generator = new ERSArchiveTimeStampGenerator(digest(NISTObjectIdentifiers.id_sha256));
        ERSByteData wanted = new ERSByteData(data);
        generator.addData(wanted);
        for (byte[] other : others) {
            generator.addData(new ERSByteData(other));
        }
        TimeStampResponse reply = unit.stamp(generator.generateTimeStampRequest(asking()), time);
        List<ERSEvidenceRecord> all = new ERSEvidenceRecordGenerator(DIGESTS).generate(generator.generateArchiveTimeStamps(reply));
        for (ERSEvidenceRecord record : all) {
            if (record.isContaining(wanted, at("2120-01-01T00:00:00Z"))) {
                return record;
            }
        }
        throw new IllegalStateException("no record contains the data");
    }

    static ERSEvidenceRecord renewed(ERSEvidenceRecord record, Unit unit, String time) throws Exception {
        return record.renewTimeStamp(unit.stamp(record.generateTimeStampRenewalRequest(asking()), time));
    }

    static ERSEvidenceRecord rehashed(ERSEvidenceRecord record, Unit unit, String time, byte[] data) throws Exception {
        TimeStampRequest request = record.generateHashRenewalRequest(
            digest(NISTObjectIdentifiers.id_sha512), new ERSByteData(data), asking());
        return record.renewHash(
            digest(NISTObjectIdentifiers.id_sha512), new ERSByteData(data), unit.stamp(request, time));
    }

    static Unit rsa;
    static Unit p256;
    static Unit p384;

    static void makeUnits(Path dir) throws Exception {
        Files.createDirectories(dir);
        caKey = key("EC", "secp521r1");
        JcaX509v3CertificateBuilder builder = new JcaX509v3CertificateBuilder(
            CA_NAME, BigInteger.ONE, at("2025-01-01T00:00:00Z"), at("2125-01-01T00:00:00Z"), CA_NAME, caKey.getPublic());
        builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(true));
        builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign));
        ca = builder.build(new JcaContentSignerBuilder("SHA512withECDSA").build(caKey.getPrivate()));
        rsa = new Unit("Unit 2026", key("RSA", 2048), "SHA256withRSA", "2025-01-01T00:00:00Z", "2036-01-01T00:00:00Z");
        p256 = new Unit("Unit 2034", key("EC", "secp256r1"), "SHA256withECDSA", "2033-01-01T00:00:00Z", "2046-01-01T00:00:00Z");
        p384 = new Unit("Unit 2044", key("EC", "secp384r1"), "SHA384withECDSA", "2043-01-01T00:00:00Z", "2066-01-01T00:00:00Z");
        Files.write(dir.resolve("anchor.crt"), ca.getEncoded());
    }

    static void over(Path file, Path dir) throws Exception {
        makeUnits(dir);
        byte[] data = Files.readAllBytes(file);
        ERSEvidenceRecord record = first(rsa, "2027-01-01T00:00:00Z", data, Collections.emptyList());
        record = renewed(record, p256, "2035-06-01T00:00:00Z");
        // Bouncy Castle's own hash-tree renewal refuses what is later than this machine's clock.
        EvidenceRecord structure = record.toASN1Structure();
        MessageDigest sha512 = MessageDigest.getInstance("SHA-512");
        byte[] chains = sha512.digest(structure.getArchiveTimeStampSequence().getEncoded(ASN1Encoding.DER));
        sha512.update(MessageDigest.getInstance("SHA-512").digest(data));
        TimeStampRequest request = asking().generate(NISTObjectIdentifiers.id_sha512, sha512.digest(chains));
        ContentInfo token = p384.stamp(request, "2045-06-01T00:00:00Z").getTimeStampToken().toCMSSignedData().toASN1Structure();
        structure = structure.addArchiveTimeStamp(new ArchiveTimeStamp(token), true);
        write(dir, "evidencerecord", new ERSEvidenceRecord(structure, DIGESTS));
    }

    static void make(Path dir) throws Exception {
        makeUnits(dir);
        byte[] data = "what is to be kept\n".getBytes(StandardCharsets.US_ASCII);
        List<byte[]> others = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            others.add(("something else, number " + i).getBytes(StandardCharsets.US_ASCII));
        }
        Files.write(dir.resolve("data"), data);
        String[] times = {"2026-06-01T00:00:00Z", "2035-06-01T00:00:00Z", "2045-06-01T00:00:00Z"};
        ERSEvidenceRecord alone = first(rsa, times[0], data, Collections.emptyList());
        write(dir, "one", alone);
        ERSEvidenceRecord tree = first(rsa, times[0], data, others);
        write(dir, "tree", tree);
        ERSEvidenceRecord twice = renewed(alone, p256, times[1]);
        write(dir, "renewed", twice);
        write(dir, "rehashed", rehashed(twice, p384, times[2], data));
        write(dir, "tree-rehashed", rehashed(renewed(tree, p256, times[1]), p384, times[2], data));
        // Too late: the first unit's certificate had expired.
        write(dir, "late", renewed(alone, p256, "2036-06-01T00:00:00Z"));
        // Before the one that it renews.
        write(dir, "backwards", renewed(twice, p256, "2034-06-01T00:00:00Z"));
        // Data and two other files as a group, in a tree with more.
        write(dir, "group", group(rsa, times[0], data, others));
    }

    static ERSEvidenceRecord group(Unit unit, String time, byte[] data, List<byte[]> others) throws Exception {
        ERSArchiveTimeStampGenerator generator = new ERSArchiveTimeStampGenerator(digest(NISTObjectIdentifiers.id_sha256));
        generator.addData(new ERSDataGroup(
            new ERSByteData(data), new ERSByteData(others.get(0)), new ERSByteData(others.get(1))));
        generator.addData(new ERSByteData(others.get(2)));
        generator.addData(new ERSByteData(others.get(3)));
        TimeStampResponse reply = unit.stamp(generator.generateTimeStampRequest(asking()), time);
        for (ERSEvidenceRecord record : new ERSEvidenceRecordGenerator(DIGESTS).generate(generator.generateArchiveTimeStamps(reply))) {
            if (record.isContaining(new ERSByteData(data), at("2120-01-01T00:00:00Z"))) {
                return record;
            }
        }
        throw new IllegalStateException("no record contains the group");
    }

    static void write(Path dir, String name, ERSEvidenceRecord record) throws Exception {
        Files.write(dir.resolve(name + ".ers"), record.getEncoded());
        System.out.println("made " + name + ".ers");
    }

    static void check(String file, String dataFile, long seconds) throws Exception {
        ERSEvidenceRecord record = new ERSEvidenceRecord(new FileInputStream(new File(file)), DIGESTS);
        byte[] data = Files.readAllBytes(Path.of(dataFile));
        Date when = Date.from(Instant.ofEpochSecond(seconds));
        record.validatePresent(new ERSByteData(data), when);
        record.validate(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(record.getSigningCertificate()));
        byte[] other = data.clone();
        other[other.length - 1] ^= 1;
        try {
            record.validatePresent(new ERSByteData(other), when);
        } catch (Exception refused) {
            System.out.println("valid, and not for other data");
            return;
        }
        throw new IllegalStateException("other data were accepted too");
    }
}
