//! What ends the broker when the process that started it ends, however it ends.

use std::{
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
};

/// A shell that waits until our end of its input is closed, which the system does when we end. Then it kills the
/// process whose number came last and removes the folder.
#[derive(Debug)]
pub(crate) struct Watcher {
    input: Option<ChildStdin>,
    shell: Child,
}

impl Watcher {
    /// Starts it for the broker of this folder.
    pub(crate) fn start(folder: &Path) -> Self {
        let script = r#"while read -r line; do pid=$line; done
            [ -z "$pid" ] || kill -KILL "$pid"
            for wait in 1 2 3 4 5 6 7 8 9; do kill -0 "$pid" || break; sleep 0.1; done
            rm -rf "$1""#;
        let mut shell = Command::new("/bin/sh")
            .args(["-c", script, "watcher"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C at the terminal must not end it before its work.
            .process_group(0)
            .spawn()
            .expect("a shell starts");
        Self {
            input: shell.stdin.take(),
            shell,
        }
    }

    /// From now on this is the broker's process.
    pub(crate) fn watch(&mut self, pid: u32) {
        self.tell(&pid.to_string());
    }

    /// From now on there is none.
    pub(crate) fn rest(&mut self) {
        self.tell("");
    }

    fn tell(&mut self, line: &str) {
        let input = self.input.as_mut().expect("it is closed at the end only");
        writeln!(input, "{line}").expect("the watcher reads");
    }
}

impl Drop for Watcher {
    /// Has it do its work, and waits for that.
    fn drop(&mut self) {
        drop(self.input.take());
        // It ends by itself.
        let _ended = self.shell.wait();
    }
}
