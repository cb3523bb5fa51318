//! A log is exported and destroyed. Its archive, as a tree behind a web server that knows nothing,
//! as a folder and as ZIP volumes, is audited, gives evidence, is verified by hand, and becomes a
//! mirror.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use ishibumi_tests::artifacts::{Artifacts, CRL, REPLY, TOKEN};
use ishibumi_tests::http;
use ishibumi_tests::process::{Ended, Running, eventually, program, run};
use ishibumi_tests::world::{ORIGIN, Setup, World};
use ishibumi_tlog::Hash;

/// Opaque records beside the artifacts: two levels of tiles, and partial ones on each.
const OPAQUE: u64 = 4_000;

/// A web server as one finds it anywhere: files below a folder, `index.html` nowhere, queries
/// ignored. Serves for as long as the process lives.
fn serve(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let folder = folder.clone();
            std::thread::spawn(move || answer(&folder, stream));
        }
    });
    url
}

fn answer(folder: &Path, mut stream: std::net::TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut request = String::new();
    while reader.read_line(&mut request).is_ok_and(|read| read > 2) {}
    let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
    let path = path
        .split('?')
        .next()
        .unwrap_or_default()
        .trim_start_matches('/')
        .to_owned();
    let (status, body) = match fs::read(folder.join(&path)) {
        Ok(body) => ("200 OK", body),
        Err(_) if folder.join(&path).is_dir() => ("403 Forbidden", b"<html>".to_vec()),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    // The client may be gone.
    let _ = stream.write_all(&[head.as_bytes(), &body].concat());
}

/// The files below a folder, by path.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

fn write_all(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, octets) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, octets).unwrap();
    }
}

fn unzip(volume: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(fs::File::open(volume).unwrap()).unwrap();
    let mut files = BTreeMap::new();
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).unwrap();
        let mut octets = Vec::new();
        entry.read_to_end(&mut octets).unwrap();
        let name = entry.name().unwrap().into_owned();
        files.insert(name, octets);
    }
    files
}

/// Runs the commands that the README in `folder` shows, and nothing else.
fn by_hand(folder: &Path, readme: &str) -> Ended {
    let page = fs::read_to_string(folder.join(readme)).unwrap();
    let commands: Vec<&str> = page
        .lines()
        .skip_while(|line| !line.trim_start().starts_with("sha256sum --quiet"))
        .take_while(|line| line.is_empty() || line.starts_with("    "))
        .collect();
    assert!(commands.len() > 30, "{page}");
    let mut shell = Command::new("sh");
    let output = shell
        .current_dir(folder)
        .args(["-c", &commands.join("\n")])
        .output();
    output.unwrap().into()
}

struct Scene {
    place: tempfile::TempDir,
    url: String,
    /// Artifacts with their proofs to be fetched.
    artifacts: Vec<&'static str>,
}

impl Scene {
    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn ishibumi(&self, arguments: &[&str]) -> Ended {
        let policy = self.text("policy.txt");
        run("ishibumi", [arguments, &["--policy", &policy]].concat())
    }

    fn check(&self, from: &str) -> Ended {
        self.ishibumi(&["archive", "check", "--from", from])
    }

    fn mirror(&self, dir: &str) -> String {
        let dir = self.text(dir);
        let name = [
            "mirror",
            "init",
            "--dir",
            &dir,
            "--name",
            "mirror.example/m1",
        ];
        run("ishibumi-witness", name).done();
        dir
    }

    fn import(&self, dir: &str, from: &str) -> Ended {
        run("ishibumi-witness", self.importing(dir, from))
    }

    fn importing(&self, dir: &str, from: &str) -> Vec<String> {
        let policy = self.text("policy.txt");
        let words = [
            "mirror", "import", "--dir", dir, "--from", from, "--policy", &policy,
        ];
        words.map(str::to_owned).to_vec()
    }
}

/// A log with every kind of record that has a file beside it, exported in both forms, and gone.
fn scene() -> Scene {
    let made = Artifacts::new();
    let mut world = World::new(Setup {
        providers: vec![made.provider()],
        config: "[sequencing]\nkeep_interval_ms = 0",
        ..Setup::default()
    });
    let mut scene = Scene {
        place: tempfile::tempdir().unwrap(),
        url: String::new(),
        artifacts: Vec::new(),
    };
    fs::create_dir(scene.path("anchors")).unwrap();
    for name in ["root", "issuing"] {
        let place = scene.path("anchors").join(format!("{name}.crt"));
        fs::write(place, made.certificate(name)).unwrap();
    }
    fs::write(scene.path("policy.txt"), world.policy_text()).unwrap();
    let mut submit = |name, media_type: &str, octets: Vec<u8>| {
        let _ = world.submit("north", media_type, "", &octets).expect(200);
        fs::write(scene.path(name), &octets).unwrap();
        scene.artifacts.push(name);
    };
    submit("one.tsr", REPLY, made.reply("tsa-one", b"a contract"));
    made.revoke("seal", "cessationOfOperation");
    submit("issuing.crl", CRL, made.crl("issuing"));
    for part in 0..4 {
        let mut batch = Vec::new();
        for number in part * OPAQUE / 4..(part + 1) * OPAQUE / 4 {
            let octets = format!("opaque {number}").into_bytes();
            batch.push(255);
            batch.extend(u32::try_from(octets.len()).unwrap().to_be_bytes());
            batch.extend(octets);
        }
        let media_type = "application/vnd.ishibumi.batch";
        let answer = world.submit("lab", media_type, "", &batch);
        assert!([200, 202].contains(&answer.status), "{answer}");
    }
    submit("two.tst", TOKEN, made.token("tsa-two", b"a will"));
    let size = eventually("all records", || {
        let size = world.size();
        (size > OPAQUE).then_some(size)
    });
    eventually("the newest checkpoint to be kept", || {
        (world.get(&format!("/checkpoints/{size}")).status == 200).then_some(())
    });

    // While it runs, over HTTP, from which the tree differs at most in cosignatures that came
    // since.
    let refused = world.operate(&["export", "--out", &scene.text("tree")]);
    refused.refused(3, &["in use", "ishibumi archive export"]);
    let (url, live) = (world.url().to_owned(), scene.text("live"));
    let export = ["archive", "export", "--out", &live, "--from", &url];
    scene.ishibumi(&export).done();
    world.stop_log();
    let tree = scene.text("tree");
    world.operate(&["export", "--out", &tree]).done();
    let volumes = scene.text("volumes");
    world
        .operate(&["export", "--zip", "--out", &volumes])
        .done();
    world
        .operate(&["export", "--zip", "--out", &scene.text("again")])
        .done();
    let existing = world.operate(&["export", "--out", &tree]);
    existing.refused(2, &["tree exists", "nothing is written over"]);
    assert!(files(&scene.path("volumes")) == files(&scene.path("again")));
    let tiles = |folder| {
        let mut files = files(folder);
        files.retain(|name, _| name.starts_with("tile/") || name.starts_with("blob/"));
        files
    };
    assert!(tiles(&scene.path("tree")) == tiles(&scene.path("live")));

    // No disk space: it says so, and leaves nothing behind.
    let script = "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\"";
    let mut limited = Command::new("sh");
    limited.args(["-c", script]).arg(program("ishibumi"));
    limited.args([
        "archive",
        "export",
        "--zip",
        "--from",
        &tree,
        "--out",
        &scene.text("full"),
    ]);
    limited.args(["--policy", &scene.text("policy.txt")]);
    let ended: Ended = limited.output().unwrap().into();
    ended.refused(3, &["full.partial/000.zip", "the disk is full"]);
    assert!(!scene.path("full").exists() && !scene.path("full.partial").exists());

    scene.url = serve(scene.path("tree"));
    made.destroy_keys();
    drop(world);
    scene
}

#[test]
fn an_archive_is_a_log_wherever_it_lies() {
    let scene = scene();
    let (tree, volumes) = (scene.text("tree"), scene.text("volumes"));
    let file = format!("file://{volumes}");
    for from in [&scene.url, &tree, &volumes, &file] {
        let audited = scene.ishibumi(&["audit", "--blobs", "--json", from]);
        let audited: serde_json::Value = serde_json::from_str(&audited.done()).unwrap();
        assert_eq!(audited["lists"]["compared"], 1, "{from}: {audited}");
        assert_eq!(scene.check(from).code, 0, "{from}");
        for artifact in &scene.artifacts {
            let (artifact, anchors) = (scene.text(artifact), scene.text("anchors"));
            let terms = ["--anchors", &anchors, &artifact];
            let proof = format!("{artifact}.tlog-proof");
            let _ = fs::remove_file(&proof);
            scene
                .ishibumi(&[&["evidence", "get", "--from", from][..], &terms].concat())
                .done();
            assert!(Path::new(&proof).exists());
            let verify = ["verify", "--without-revocation"];
            scene.ishibumi(&[&verify[..], &terms].concat()).done();
        }
        let found = scene.ishibumi(&["find", "--json", "--from", from, "providers"]);
        assert_eq!(found.code, 0, "{}", found.err);
    }
    // One volume that holds all records of this log is a log by itself.
    let alone = scene.text("volumes/000.zip");
    scene.ishibumi(&["audit", &alone]).done();

    by_hand_each_volume_holds(&scene);
    damage_is_named(&scene);
    an_archive_becomes_a_mirror(&scene);
}

fn by_hand_each_volume_holds(scene: &Scene) {
    for (volume, readme) in [
        ("000", "README.txt"),
        ("000", "README.ja.txt"),
        ("side-000", "README.txt"),
    ] {
        let folder = scene.path(&format!("by-hand-{volume}-{readme}"));
        write_all(
            &folder,
            &unzip(&scene.path(&format!("volumes/{volume}.zip"))),
        );
        let held = by_hand(&folder, readme);
        assert_eq!(held.code, 0, "{}", held.err);
        let lines: Vec<&str> = held.out.lines().collect();
        assert!(
            lines.starts_with(&["undamaged", "ok     checkpoint"]),
            "{}{}",
            held.out,
            held.err
        );
        assert!(
            lines[1..].iter().all(|line| line.starts_with("ok     ")),
            "{}",
            held.out
        );
        let entries = if volume == "000" {
            usize::try_from(OPAQUE.div_ceil(256)).unwrap()
        } else {
            0
        };
        assert!(lines.len() > entries + 2, "{}", held.out);
    }
    // An entry, a tile and a blob that were changed together with their sums.
    for (volume, path) in [
        ("000", "tile/entries/003"),
        ("000", "tile/0/004"),
        ("side-000", "blob/"),
    ] {
        let folder = scene.path(&format!("forged-{}", path.replace('/', "-")));
        let mut files = unzip(&scene.path(&format!("volumes/{volume}.zip")));
        let path = files
            .keys()
            .find(|name| name.starts_with(path))
            .unwrap()
            .clone();
        files.get_mut(&path).unwrap()[100] ^= 1;
        write_all(&folder, &files);
        let damaged = by_hand(&folder, "README.txt");
        assert!(!damaged.out.contains("undamaged"), "{}", damaged.out);
        let falses = damaged
            .out
            .lines()
            .filter(|line| line.starts_with("FALSE"))
            .count();
        assert!((1..=2).contains(&falses), "{path}: {}", damaged.out);
    }
}

fn damage_is_named(scene: &Scene) {
    let sound = files(&scene.path("tree"));
    let folder = scene.path("damaged");
    write_all(&folder, &sound);
    let from = folder.display().to_string();
    scene.check(&from).done();
    let first = |prefix: &str| {
        sound
            .keys()
            .find(|name| name.starts_with(prefix))
            .unwrap()
            .clone()
    };
    let is_kept = |name: &&String| name.starts_with("checkpoints/") && !name.contains("index");
    let kept = sound.keys().find(is_kept).unwrap().clone();
    for path in [
        "tile/entries/002".to_owned(),
        "tile/0/005".to_owned(),
        first("tile/1/"),
        first("tile/0/015.p/"),
        first("blob/"),
        kept,
        "checkpoint".to_owned(),
    ] {
        let mut octets = sound[&path].clone();
        octets[30] ^= 1;
        fs::write(folder.join(&path), &octets).unwrap();
        let found = scene.check(&from);
        assert_ne!(found.code, 0, "{path}");
        // An upper tile and the checkpoint accuse each other.
        let upper = path.starts_with("tile/1/") || path.contains(".p/");
        let named =
            found.err.contains(&path) || upper && found.err.contains("checkpoint: its root");
        assert!(named, "{path}: {}", found.err);
        fs::write(folder.join(&path), &sound[&path]).unwrap();
    }
    scene.check(&from).done();

    // A volume: the disk's damage by its checksum, a forger's by the tree; each names volume and
    // entry.
    let volume = fs::read(scene.path("volumes/000.zip")).unwrap();
    let at = volume
        .windows(8)
        .position(|eight| eight == b"opaque 9")
        .unwrap();
    let mut damaged = volume.clone();
    damaged[at] ^= 1;
    fs::create_dir(scene.path("zips")).unwrap();
    fs::write(scene.path("zips/000.zip"), damaged).unwrap();
    fs::copy(
        scene.path("volumes/side-000.zip"),
        scene.path("zips/side-000.zip"),
    )
    .unwrap();
    let zips = scene.text("zips");
    scene
        .check(&zips)
        .refused(3, &["zips/000.zip", "tile/entries/000", "CRC-32"]);
    let audited = scene.ishibumi(&["audit", &zips]);
    assert_ne!(audited.code, 0);
    assert!(
        audited.err.contains("zips/000.zip: tile/entries/000"),
        "{}",
        audited.err
    );
    let cut = &volume[..volume.len() - 7];
    fs::write(scene.path("zips/000.zip"), cut).unwrap();
    scene.check(&zips).refused(1, &["zips/000.zip", "cut off"]);
}

fn an_archive_becomes_a_mirror(scene: &Scene) {
    // Damaged: refused by name, and nothing is stored.
    let dir = scene.mirror("mirror");
    let damaged = scene.path("damaged");
    let bundle = damaged.join("tile/entries/007");
    let sound = fs::read(&bundle).unwrap();
    let mut octets = sound.clone();
    octets[5] ^= 1;
    fs::write(&bundle, octets).unwrap();
    let refused = scene.import(&dir, &damaged.display().to_string());
    refused.refused(
        1,
        &["tile/entries/007", "entry 1792 ", "nothing was stored"],
    );
    let status = run("ishibumi-witness", ["mirror", "status", "--dir", &dir]).done();
    assert_eq!(status, "");
    fs::write(&bundle, sound).unwrap();
    // Interrupted, then again.
    let volumes = format!("file://{}", scene.text("volumes"));
    let mut first = Command::new(program("ishibumi-witness"));
    let mut first = first.args(scene.importing(&dir, &volumes)).spawn().unwrap();
    let copies = scene.path("mirror").join("logs");
    eventually("the import to begin", || {
        let begun = fs::read_dir(&copies).is_ok_and(|mut found| found.next().is_some());
        let ended = first.try_wait().unwrap().is_some();
        (begun || ended).then_some(())
    });
    let _ = first.kill();
    let _ = first.wait();
    scene.import(&dir, &volumes).done();
    let again = scene.import(&dir, &volumes).done();
    assert!(again.contains("; 0 entries, 0 blobs and 0 kept"), "{again}");

    // The same from the web server, as a log that is followed.
    let other = scene.text("follower");
    run(
        "ishibumi-witness",
        [
            "mirror",
            "init",
            "--dir",
            &other,
            "--name",
            "mirror.example/m2",
        ],
    )
    .done();
    let policy = fs::read_to_string(scene.path("policy.txt")).unwrap();
    let keys = policy.lines().filter_map(|line| line.strip_prefix("log "));
    let keys: Vec<&str> = keys.collect();
    let policy = scene.text("policy.txt");
    let add = ["mirror", "add-log", "--dir", &other, "--vkey", keys[0]];
    run(
        "ishibumi-witness",
        [&add[..], &["--url", &scene.url, "--policy", &policy]].concat(),
    )
    .done();
    run(
        "ishibumi-witness",
        ["mirror", "add-log-key", "--dir", &other, "--vkey", keys[1]],
    )
    .done();
    run("ishibumi-witness", ["mirror", "follow", "--dir", &other]).done();

    let tree = files(&scene.path("tree"));
    for dir in [&dir, &other] {
        let mut command = Command::new(program("ishibumi-witness"));
        command.args(["mirror", "serve", "--listen", "127.0.0.1:0", "--dir", dir]);
        let running = Running::start(&mut command).expect("the mirror starts");
        let prefix = format!("/{}", Hash::of(ORIGIN.as_bytes()));
        let mut compared = 0;
        for (name, octets) in &tree {
            let is_same = name.starts_with("tile/") || name.starts_with("blob/");
            let kept = name.starts_with("checkpoints/") && !name.contains("index");
            if is_same || kept {
                let answer = http::get(&running.url, &format!("{prefix}/{name}")).unwrap();
                assert_eq!(answer.status, 200, "{name}");
                assert!(kept || answer.body == *octets, "{name}");
                compared += 1;
            }
        }
        assert!(compared > 40, "{compared}");
        let url = format!("{}{prefix}", running.url);
        scene.ishibumi(&["audit", &url]).done();
        assert_eq!(running.terminate().code, 0);
    }
}
