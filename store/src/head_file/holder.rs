//! The holder of a head file: the process, of one boot of one machine, that may sign with the key.
//!
//! `flock` keeps two processes of one machine from one file. It does not see a copy of the file,
//! nor a disk that two machines write to. So a process that is to sign writes itself into the file,
//! with a random number, and checks before each signature whether it is still there. If the file
//! says that it is held by a process that has not given it up, it is not taken without asking, if
//! that process still runs here (this file is a copy) or may still run elsewhere.
//!
//! This makes copies that run at the same time rarer. It does not end them: a copy of a file that
//! was given up in order shows no sign of it, and a virtual machine takes its identity along. The
//! witnesses end them.

use ishibumi_tlog::hash::Hash;

/// Octets of a holder in a slot.
pub(super) const HOLDER_LEN: usize = 16 + 32 + 16 + 4 + 8 + 1;

/// A machine, and one start of it, as far as they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// A digest of what the system calls itself (`/etc/machine-id`); `None` if it has no name.
    pub id: Option<Hash>,
    /// The kernel's identifier of its present boot; `None` if it gives none.
    pub boot: Option<[u8; 16]>,
}

impl Machine {
    /// The machine on which this runs.
    pub fn here() -> Self {
        let read = |path| std::fs::read_to_string(path).ok();
        let id = read("/etc/machine-id").or_else(|| read("/var/lib/dbus/machine-id"));
        let id = id
            .map(|id| id.trim().to_owned())
            .filter(|id| id.len() >= 32);
        let boot = read("/proc/sys/kernel/random/boot_id");
        let digits = boot.map(|boot| boot.trim().replace('-', ""));
        Self {
            // machine-id(5): the identifier itself is not to be shown to others.
            id: id.map(|id| Hash::of(format!("ishibumi head file\n{id}").as_bytes())),
            boot: digits
                .and_then(|digits| u128::from_str_radix(&digits, 16).ok())
                .map(u128::to_be_bytes),
        }
    }
}

/// A process that holds a head file, or gave it up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Holder {
    /// Chosen anew with each claim.
    pub(super) nonce: [u8; 16],
    machine: [u8; 32],
    boot: [u8; 16],
    pub(super) process: u32,
    /// When the process started, in ticks since the start of the machine; 0 if that is not known.
    started: u64,
    /// Whether it has not given the file up.
    pub(super) held: bool,
}

/// What an earlier claim to a file means for a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// The file is not held, or its holder is gone for certain.
    Free,
    /// It was given up on another machine.
    Moved,
    /// Its holder runs on this machine, with another file: this one is a copy.
    Copied,
    /// Its holder may run on another machine.
    Elsewhere,
}

impl Holder {
    /// This process, on `here`.
    pub(super) fn this_process(here: &Machine) -> std::io::Result<Self> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| std::io::Error::other(error.to_string()))?;
        let process = std::process::id();
        Ok(Self {
            nonce,
            machine: here.id.map_or([0; 32], |id| id.0),
            boot: here.boot.unwrap_or_default(),
            process,
            started: started(process).unwrap_or(0),
            held: true,
        })
    }

    /// What it means on `here` that this holder is in the file, whose lock is ours.
    pub(super) fn before(&self, here: &Machine) -> Before {
        let known = |octets: &[u8]| octets.iter().any(|&octet| octet != 0);
        let other_machine = here
            .id
            .is_some_and(|id| known(&self.machine) && id.0 != self.machine);
        if !self.held {
            return if other_machine {
                Before::Moved
            } else {
                Before::Free
            };
        }
        if here.boot.is_some_and(|boot| boot == self.boot) {
            let runs = self.started != 0 && started(self.process) == Some(self.started);
            return if runs { Before::Copied } else { Before::Free };
        }
        if other_machine {
            Before::Elsewhere
        } else {
            Before::Free
        }
    }

    pub(super) fn encode(&self) -> [u8; HOLDER_LEN] {
        let mut octets = [0; HOLDER_LEN];
        octets[..16].copy_from_slice(&self.nonce);
        octets[16..48].copy_from_slice(&self.machine);
        octets[48..64].copy_from_slice(&self.boot);
        octets[64..68].copy_from_slice(&self.process.to_be_bytes());
        octets[68..76].copy_from_slice(&self.started.to_be_bytes());
        octets[76] = u8::from(self.held);
        octets
    }

    pub(super) fn decode(octets: &[u8; HOLDER_LEN]) -> Option<Self> {
        let held = match octets[76] {
            0 => false,
            1 => true,
            _ => return None,
        };
        Some(Self {
            nonce: octets[..16].try_into().ok()?,
            machine: octets[16..48].try_into().ok()?,
            boot: octets[48..64].try_into().ok()?,
            process: u32::from_be_bytes(octets[64..68].try_into().ok()?),
            started: u64::from_be_bytes(octets[68..76].try_into().ok()?),
            held,
        })
    }
}

/// When a process of this machine started: field 22 of `/proc/PID/stat` (proc(5)), counted behind
/// the name, which may hold anything but ends with the last parenthesis.
fn started(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}
