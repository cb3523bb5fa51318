// Command verify is torchwood's opinion of what others made: its VerifyProof over a tlog-proof file, its
// VerifyCheckpoint over a checkpoint, its ParsePolicy over our policies.
//
//	verify -policy FILE -checkpoint FILE
//	verify -policy FILE -proof FILE (-leaf HEX | -entry FILE)
//
// Exit codes: 0 verified, 1 refused, 2 usage.
package main

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	policy := flag.String("policy", "", "C2SP tlog-policy file")
	checkpoint := flag.String("checkpoint", "", "checkpoint to verify")
	proof := flag.String("proof", "", "tlog-proof to verify")
	leaf := flag.String("leaf", "", "leaf hash, 64 hexadecimal digits")
	entry := flag.String("entry", "", "file with the log entry")
	flag.Parse()
	if *policy == "" || (*checkpoint == "") == (*proof == "") {
		flag.Usage()
		os.Exit(2)
	}
	said, err := run(*policy, *checkpoint, *proof, *leaf, *entry)
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	fmt.Println("verified:", said)
}

func run(policyFile, checkpointFile, proofFile, leaf, entry string) (string, error) {
	text, err := os.ReadFile(policyFile)
	if err != nil {
		return "", err
	}
	policy, err := torchwood.ParsePolicy(text)
	if err != nil {
		return "", fmt.Errorf("policy: %w", err)
	}
	if checkpointFile != "" {
		note, err := os.ReadFile(checkpointFile)
		if err != nil {
			return "", err
		}
		checkpoint, signed, err := torchwood.VerifyCheckpoint(note, policy)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s, size %d, %d signatures", checkpoint.Origin, checkpoint.N, len(signed.Sigs)), nil
	}
	hash, err := leafHash(leaf, entry)
	if err != nil {
		return "", err
	}
	proof, err := os.ReadFile(proofFile)
	if err != nil {
		return "", err
	}
	return "the leaf is in the log", torchwood.VerifyProof(policy, hash, proof)
}

func leafHash(leaf, entry string) (tlog.Hash, error) {
	var hash tlog.Hash
	switch {
	case entry != "":
		octets, err := os.ReadFile(entry)
		return tlog.RecordHash(octets), err
	case leaf != "":
		octets, err := hex.DecodeString(leaf)
		if err != nil {
			return hash, err
		}
		if len(octets) != tlog.HashSize {
			return hash, errors.New("a leaf hash has 32 octets")
		}
		return tlog.Hash(octets), nil
	default:
		return hash, errors.New("name -leaf or -entry")
	}
}
