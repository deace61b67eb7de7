//! Files from the network: resumed by range, checked by hash, whole or not there.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ureq::http::{Response, header};
use ureq::{Agent, Body};

use super::disk::check_room;
use super::hash::{Written, hash_file};
use super::root::Store;
use super::whole::folder_of;
use crate::error::{Code, Error, Result};
use crate::notebook::{Progress, Stage, say};

/// Time that a server may take to accept a connection, and to begin its answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Largest file that is fetched.
const MAX_BYTES: u64 = 256 << 30;
/// Bytes between two looks at the stop button; progress counts in the same.
const PIECE: usize = 1 << 20;

/// What to fetch, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Its address.
    pub url: String,
    /// Where it goes; never half-written.
    pub path: PathBuf,
    /// Its SHA-256 in hexadecimal, or the beginning of it.
    pub sha256: Option<String>,
}

/// What is known of a part on disk: it goes on only if the server still has the same file.
#[derive(Debug, Serialize, Deserialize)]
struct PartFacts {
    url: String,
    /// The server's mark of this version of the file (`ETag`, else `Last-Modified`).
    version: Option<String>,
}

impl Store {
    /// Fetches a file, with progress. A file that is there and right is not fetched again. What a cut connection or a stop
    /// left (`.part`) is continued by range if the server has the same version still, else begun again. The name appears only
    /// when all bytes are there and their hash is right.
    ///
    /// # Errors
    /// [`Code::Io`] if the server cannot be reached, refuses, or ends early (run it again: it goes on), and if the
    /// disk is full, or has less room than the server announces; [`Code::Checkpoint`] if the hash is another one: the
    /// file is removed; [`Code::Stopped`].
    pub fn download(&self, wanted: &Download, progress: &Progress) -> Result<Written> {
        if wanted.path.exists() {
            return self.already(wanted);
        }
        let folder = folder_of(&wanted.path);
        fs::create_dir_all(folder).map_err(|cause| Error::io("making the folder", folder, cause))?;
        let part = Part::beside(wanted);
        let mut answer = part.ask(part.offset())?;
        if answer.status().as_u16() == 416 {
            // The part is as long as the file or longer: it is not to be trusted.
            part.remove();
            answer = part.ask(0)?;
        }
        let from = part.begin(&answer)?;
        part.receive(answer, from, progress)?;
        self.accept_download(wanted, &part)
    }

    fn already(&self, wanted: &Download) -> Result<Written> {
        let written = self.written(&wanted.path)?;
        match &wanted.sha256 {
            Some(hash) if !written.sha256.starts_with(&hash.to_lowercase()) => {
                let found = format!("its sha256 begins {}, expected {hash}", &written.sha256[..hash.len().min(64)]);
                Err(Error::new(Code::Checkpoint, found)
                    .path(&wanted.path)
                    .hint("this is another file than the one wanted: remove it, then fetch again"))
            }
            _ => {
                // What a run left that was ended between the last two steps.
                Part::beside(wanted).remove();
                Ok(written)
            }
        }
    }

    fn accept_download(&self, wanted: &Download, part: &Part<'_>) -> Result<Written> {
        let (bytes, sha256) = hash_file(&part.path)?;
        if let Some(hash) = &wanted.sha256
            && !sha256.starts_with(&hash.to_lowercase())
        {
            part.remove();
            let found =
                format!("what came has a sha256 that begins {}, expected {hash}", &sha256[..hash.len().min(64)]);
            return Err(Error::new(Code::Checkpoint, found)
                .path(&wanted.path)
                .place(wanted.url.clone())
                .hint("the file on the server was changed, or something on the way changes it; nothing was kept"));
        }
        let placed =
            File::open(&part.path).and_then(|file| file.sync_all()).and_then(|()| fs::rename(&part.path, &wanted.path));
        placed.map_err(|cause| Error::io("writing", &wanted.path, cause))?;
        part.remove();
        if wanted.sha256.is_none() {
            say(&format!("{}: sha256 {sha256}; none was published to compare it with", wanted.path.display()));
        }
        let name = wanted.path.strip_prefix(self.root()).unwrap_or(&wanted.path).to_string_lossy().into_owned();
        Ok(Written { name, bytes, sha256 })
    }
}

/// The part of a file that has come so far.
struct Part<'a> {
    wanted: &'a Download,
    path: PathBuf,
    facts: PathBuf,
}

impl<'a> Part<'a> {
    fn beside(wanted: &'a Download) -> Self {
        let with = |ending: &str| {
            let mut name = wanted.path.as_os_str().to_os_string();
            name.push(ending);
            PathBuf::from(name)
        };
        Part { wanted, path: with(".part"), facts: with(".part.json") }
    }

    fn remove(&self) {
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(&self.facts);
    }

    fn known(&self) -> Option<PartFacts> {
        let facts: PartFacts = serde_json::from_slice(&fs::read(&self.facts).ok()?).ok()?;
        (facts.url == self.wanted.url && facts.version.is_some()).then_some(facts)
    }

    /// Bytes that are there already and may be continued.
    fn offset(&self) -> u64 {
        let size = fs::metadata(&self.path).map_or(0, |facts| facts.len());
        if self.known().is_some() { size } else { 0 }
    }

    fn failed(&self, what: impl Into<String>) -> Error {
        Error::new(Code::Io, what).path(&self.wanted.path).place(self.wanted.url.clone())
    }

    fn ask(&self, offset: u64) -> Result<Response<Body>> {
        let settings = Agent::config_builder()
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .max_redirects(8)
            // An address that is safe from eavesdroppers leads to no other.
            .https_only(self.wanted.url.starts_with("https://"))
            .http_status_as_error(false)
            .build();
        let mut request =
            Agent::new_with_config(settings).get(&self.wanted.url).header(header::ACCEPT_ENCODING, "identity");
        if offset > 0
            && let Some(PartFacts { version: Some(version), .. }) = self.known()
        {
            request = request.header(header::RANGE, format!("bytes={offset}-")).header(header::IF_RANGE, version);
        }
        let answer = request.call().map_err(|cause| {
            self.failed("the file cannot be fetched")
                .because(cause)
                .hint("check the connection (and HTTPS_PROXY), then run it again")
        })?;
        match answer.status().as_u16() {
            200 | 206 | 416 => Ok(answer),
            status => {
                let hint = if status == 404 {
                    "the file is not there any more: look for its new address"
                } else {
                    "try again later"
                };
                Err(self.failed(format!("the server answered {}", answer.status())).hint(hint))
            }
        }
    }

    /// Where the answer goes on; a part that it does not continue is emptied.
    fn begin(&self, answer: &Response<Body>) -> Result<u64> {
        let text = |name: header::HeaderName| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let start =
            text(header::CONTENT_RANGE).and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok());
        let offset = self.offset();
        if answer.status().as_u16() == 206 && offset > 0 && start == Some(offset) {
            return Ok(offset);
        }
        if answer.status().as_u16() != 200 {
            self.remove();
            return Err(self
                .failed("the server sent another part than the one asked for")
                .hint("run it again: it begins anew"));
        }
        self.remove();
        // A weak mark says that a file is as good as the other, not that it is the same bytes.
        let strong = text(header::ETAG).filter(|mark| !mark.starts_with("W/"));
        let version = strong.or(text(header::LAST_MODIFIED)).map(str::to_string);
        let facts = PartFacts { url: self.wanted.url.clone(), version };
        let written =
            serde_json::to_vec(&facts).map_err(std::io::Error::other).and_then(|json| fs::write(&self.facts, json));
        written.map_err(|cause| Error::io("writing", &self.facts, cause))?;
        Ok(0)
    }

    fn receive(&self, answer: Response<Body>, from: u64, progress: &Progress) -> Result<()> {
        let length =
            answer.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let total = length.map(|length| from.saturating_add(length));
        if total.is_some_and(|total| total > MAX_BYTES) {
            self.remove();
            let found = format!("{} bytes, over the limit of a download", total.unwrap_or(u64::MAX));
            return Err(Error::new(Code::Limit, found).path(&self.wanted.path));
        }
        // What is known beforehand is said before the first byte; what came so far stays.
        check_room(folder_of(&self.path), length.unwrap_or(0)).map_err(|error| error.place(self.wanted.url.clone()))?;
        let unwritable = |cause| Error::io("writing", &self.path, cause);
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path).map_err(unwritable)?;
        file.seek(SeekFrom::End(0)).map_err(unwritable)?;
        let megabytes = |bytes: u64| bytes.div_ceil(PIECE as u64) as usize;
        let name = self.wanted.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let run: Stage = progress.named(&name).start(megabytes(total.unwrap_or(0)), "MB");
        run.advance((from / PIECE as u64) as usize);
        let (mut body, mut piece, mut received) = (answer.into_body().into_reader(), vec![0; PIECE / 16], from);
        loop {
            run.check()?;
            let count = match body.read(&mut piece) {
                Ok(count) => count,
                Err(cause) => return Err(self.ended(received, total).because(cause)),
            };
            if count == 0 {
                break;
            }
            file.write_all(&piece[..count]).map_err(unwritable)?;
            let before = received;
            received += count as u64;
            run.advance((received / PIECE as u64 - before / PIECE as u64) as usize);
            if received > total.unwrap_or(MAX_BYTES) {
                self.remove();
                let announced = total.unwrap_or(MAX_BYTES);
                return Err(self.failed(format!("more bytes came than the {announced} that were announced")));
            }
        }
        if total.is_some_and(|total| received < total) {
            return Err(self.ended(received, total));
        }
        run.finish();
        Ok(())
    }

    fn ended(&self, received: u64, total: Option<u64>) -> Error {
        let all = total.map_or("an unknown number".to_string(), |total| total.to_string());
        self.failed(format!("the connection ended after {received} of {all} bytes"))
            .hint("run it again: it goes on from there")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::{TcpListener, TcpStream};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use super::super::hash::sha256_hex as sha256_of;
    use std::path::Path;

    use super::*;

    /// A server on loopback whose n-th answer is what `answer` writes to the connection; it notes the requests' headers.
    pub(in super::super) struct Server {
        pub address: String,
        pub requests: Arc<Mutex<Vec<String>>>,
    }

    pub(in super::super) fn serve(answer: impl Fn(usize, &str, &mut TcpStream) + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (noted, count) = (requests.clone(), AtomicUsize::new(0));
        // The thread ends with the test's process; it listens on loopback only.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut stream = stream;
                let mut head = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while reader.read_line(&mut head).is_ok_and(|count| count > 2) {}
                noted.lock().unwrap().push(head.clone());
                answer(count.fetch_add(1, Ordering::SeqCst), &head, &mut stream);
            }
        });
        Server { address, requests }
    }

    fn range_of(head: &str) -> usize {
        let line = head.lines().find_map(|line| line.to_lowercase().strip_prefix("range: bytes=").map(str::to_string));
        line.map_or(0, |range| range.trim_end_matches('-').parse().unwrap())
    }

    /// The whole answer, or what a range asks for.
    pub(in super::super) fn whole(body: &[u8], head: &str, stream: &mut TcpStream) {
        let from = range_of(head);
        let status = if from > 0 { "206 Partial Content" } else { "200 OK" };
        let range = if from > 0 {
            format!("Content-Range: bytes {from}-{}/{}\r\n", body.len() - 1, body.len())
        } else {
            String::new()
        };
        let length = body.len() - from;
        let _ = write!(
            stream,
            "HTTP/1.1 {status}\r\nETag: \"v1\"\r\nContent-Length: {length}\r\n{range}Connection: close\r\n\r\n"
        );
        let _ = stream.write_all(&body[from..]);
    }

    fn body() -> Vec<u8> {
        (0..300_000u32).flat_map(|number| (number * number).to_le_bytes()).collect()
    }

    fn download(server: &Server, folder: &Path, hash: Option<String>) -> Result<Written> {
        let store = Store::at(folder).unwrap();
        let url = format!("{}/w.pth", server.address);
        store.download(&Download { url, path: store.path("downloads/w.pth"), sha256: hash }, &Progress::silent())
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder.join("downloads"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_whole_file_is_fetched_once() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(|_, head, stream| whole(&body(), head, stream));
        let hash = sha256_of(&body());
        let written = download(&server, folder.path(), Some(hash[..8].to_uppercase())).unwrap();
        assert_eq!((written.bytes, written.sha256.as_str()), (1_200_000, hash.as_str()));
        assert_eq!(names(folder.path()), ["w.pth"]);
        download(&server, folder.path(), Some(hash)).unwrap();
        assert_eq!(server.requests.lock().unwrap().len(), 1);
        let error = download(&server, folder.path(), Some("abcd".into())).unwrap_err();
        assert!(error.to_string().contains("expected abcd"), "{error}");
    }

    #[test]
    fn bad_input_16_a_cut_connection_goes_on_by_range() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(|number, head, stream| {
            let body = body();
            if number == 0 {
                let _ = write!(stream, "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: {}\r\n\r\n", body.len());
                let _ = stream.write_all(&body[..500_000]);
            } else {
                whole(&body, head, stream);
            }
        });
        let error = download(&server, folder.path(), None).unwrap_err();
        assert!(error.to_string().contains("of 1200000 bytes") && error.to_string().contains("goes on"), "{error}");
        assert_eq!(names(folder.path()), ["w.pth.part", "w.pth.part.json"], "no half file under the name");
        let kept = std::fs::metadata(folder.path().join("downloads/w.pth.part")).unwrap().len();
        assert!(kept > 0 && kept <= 500_000, "{kept}");
        let written = download(&server, folder.path(), Some(sha256_of(&body()))).unwrap();
        assert_eq!(written.bytes, 1_200_000);
        let second = server.requests.lock().unwrap()[1].to_lowercase();
        assert!(second.contains(&format!("range: bytes={kept}-")) && second.contains("if-range: \"v1\""), "{second}");
        assert_eq!(names(folder.path()), ["w.pth"]);
    }

    #[test]
    fn bad_input_16_another_version_or_a_server_without_ranges_begins_again() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(|_, _, stream| whole(&body(), "", stream));
        let downloads = folder.path().join("downloads");
        std::fs::create_dir_all(&downloads).unwrap();
        std::fs::write(downloads.join("w.pth.part"), b"of another version").unwrap();
        let facts = format!("{{\"url\":\"{}/w.pth\",\"version\":\"\\\"v0\\\"\"}}", server.address);
        std::fs::write(downloads.join("w.pth.part.json"), facts).unwrap();
        let written = download(&server, folder.path(), Some(sha256_of(&body()))).unwrap();
        assert_eq!(written.bytes, 1_200_000);
        assert!(server.requests.lock().unwrap()[0].to_lowercase().contains("range: bytes=18-"));
    }

    #[test]
    fn a_part_of_unknown_origin_is_not_continued() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(|_, head, stream| whole(&body(), head, stream));
        std::fs::create_dir_all(folder.path().join("downloads")).unwrap();
        std::fs::write(folder.path().join("downloads/w.pth.part"), vec![7; 2_000_000]).unwrap();
        download(&server, folder.path(), Some(sha256_of(&body()))).unwrap();
        assert!(!server.requests.lock().unwrap()[0].to_lowercase().contains("range:"));
    }

    #[test]
    fn a_part_that_is_too_long_is_thrown_away() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(|number, head, stream| {
            if number == 0 {
                let _ = write!(
                    stream,
                    "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
            } else {
                whole(&body(), head, stream);
            }
        });
        let downloads = folder.path().join("downloads");
        std::fs::create_dir_all(&downloads).unwrap();
        std::fs::write(downloads.join("w.pth.part"), vec![7; 2_000_000]).unwrap();
        let facts = format!("{{\"url\":\"{}/w.pth\",\"version\":\"\\\"v1\\\"\"}}", server.address);
        std::fs::write(downloads.join("w.pth.part.json"), facts).unwrap();
        download(&server, folder.path(), Some(sha256_of(&body()))).unwrap();
        assert_eq!(names(folder.path()), ["w.pth"]);
    }

    #[test]
    fn a_wrong_hash_or_length_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(|_, head, stream| whole(&body(), head, stream));
        let error = download(&server, folder.path(), Some("0123abcd".into())).unwrap_err();
        assert_eq!(error.code(), Code::Checkpoint);
        assert!(error.to_string().contains("expected 0123abcd") && error.to_string().contains("/w.pth"), "{error}");
        assert!(names(folder.path()).is_empty());
        let short = serve(|_, _, stream| {
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n<html>!");
        });
        assert!(download(&short, folder.path(), Some(sha256_of(&body()))).is_err());
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_file_that_the_disk_has_no_room_for_is_refused_before_it_comes() {
        let folder = tempfile::tempdir().unwrap();
        let free = crate::files::disk::free_bytes(folder.path()).unwrap();
        // Less than the limit of a download, where the disk is smaller than that.
        let length = (free + (1 << 40)).min(MAX_BYTES);
        let server = serve(move |_, _, stream| {
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        });
        let error = download(&server, folder.path(), None).unwrap_err().to_string();
        match free < length {
            true => assert!(error.contains("MB free") && error.contains("/w.pth"), "{error}"),
            false => assert!(error.contains("of a download") || error.contains("ended after 0"), "{error}"),
        }
        assert!(!folder.path().join("downloads/w.pth").exists());
    }

    #[test]
    fn redirects_are_followed_but_not_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(|number, head, stream| {
            if number < 2 {
                let _ = write!(
                    stream,
                    "HTTP/1.1 302 Found\r\nLocation: /other{number}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
            } else {
                whole(&body(), head, stream);
            }
        });
        download(&server, folder.path(), Some(sha256_of(&body()))).unwrap();
        let round = serve(|_, _, stream| {
            let _ = write!(
                stream,
                "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        });
        let other = tempfile::tempdir().unwrap();
        let error = download(&round, other.path(), None).unwrap_err();
        assert!(error.to_string().contains("redirect"), "{error}");
        assert!(names(other.path()).is_empty());
    }

    #[test]
    fn refusals_and_silence_are_said() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(|_, _, stream| {
            let _ = write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        });
        let error = download(&server, folder.path(), None).unwrap_err();
        assert!(error.to_string().contains("404") && error.to_string().contains("new address"), "{error}");
        let gone = Server { address: "http://127.0.0.1:1".into(), requests: Arc::default() };
        let error = download(&gone, folder.path(), None).unwrap_err();
        assert!(error.to_string().contains("check the connection"), "{error}");
        assert!(names(folder.path()).is_empty());
    }
}
