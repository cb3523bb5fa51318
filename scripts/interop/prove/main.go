// Command prove reads a tlog-tiles log with torchwood's client, which checks every tile against the
// checkpoint, and writes one entry with a tlog-proof of it: a proof that our code had no part in.
//
//	prove -url URL -policy FILE [-index N -entry OUT -proof OUT [-extra TEXT]]
//
// Without -index it reads and checks every entry of the log, and prints their number.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	url := flag.String("url", "", "base URL of the log")
	policyFile := flag.String("policy", "", "C2SP tlog-policy file")
	index := flag.Int64("index", -1, "the entry to prove")
	entryOut := flag.String("entry", "", "where to write the entry")
	proofOut := flag.String("proof", "", "where to write the proof")
	extra := flag.String("extra", "", "what the proof's extra line says")
	flag.Parse()
	if err := run(*url, *policyFile, *index, *extra, *entryOut, *proofOut); err != nil {
		fmt.Fprintln(os.Stderr, "prove:", err)
		os.Exit(1)
	}
}

func run(url, policyFile string, index int64, extra, entryOut, proofOut string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	text, err := os.ReadFile(policyFile)
	if err != nil {
		return err
	}
	policy, err := torchwood.ParsePolicy(text)
	if err != nil {
		return err
	}
	fetcher, err := torchwood.NewTileFetcher(url, torchwood.WithUserAgent("interop (https://localhost)"))
	if err != nil {
		return err
	}
	note, err := fetcher.ReadEndpoint(ctx, "checkpoint")
	if err != nil {
		return err
	}
	checkpoint, _, err := torchwood.VerifyCheckpoint(note, policy)
	if err != nil {
		return err
	}
	client, err := torchwood.NewClient(fetcher)
	if err != nil {
		return err
	}
	if index < 0 {
		return readAll(ctx, client, checkpoint.Tree)
	}
	entry, proof, err := client.Entry(ctx, checkpoint.Tree, index)
	if err != nil {
		return err
	}
	file := torchwood.FormatProof(index, proof, note)
	if extra != "" {
		file = torchwood.FormatProofWithExtraData(index, []byte(extra), proof, note)
	}
	return errors.Join(os.WriteFile(entryOut, entry, 0o644), os.WriteFile(proofOut, file, 0o644))
}

func readAll(ctx context.Context, client *torchwood.Client, tree tlog.Tree) error {
	var count int64
	for range client.AllEntries(ctx, tree, 0) {
		count++
	}
	if err := client.Err(); err != nil {
		return err
	}
	if count != tree.N {
		return fmt.Errorf("%d entries read of a tree of %d", count, tree.N)
	}
	fmt.Println(count, "entries read and checked")
	return nil
}
