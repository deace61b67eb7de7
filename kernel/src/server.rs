//! The sockets of a kernel: requests come in, replies and outputs go out. Cells run on a thread of their own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, Select, TryRecvError};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use zeromq::{PubSocket, RepSocket, RouterSocket, Socket, SocketEvent, SocketRecv, SocketSend};

use crate::Places;
use crate::explain::Failure;
use crate::marks;
use crate::message::{Connection, Message, code_points};
use crate::session::{Bundle, Session};

/// Room for the analyser, which walks deep trees.
const STACK: usize = 64 << 20;
/// How long the first request waits for somebody who listens to outputs: what is published before that is lost.
const LISTENERS: Duration = Duration::from_millis(500);
/// How long a stream that says no more is listened to for its end, and how often that is looked for.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOKED: Duration = Duration::from_micros(200);
/// How long, and how many, lines wait to be passed on together.
const HELD: Duration = Duration::from_millis(30);
const HELD_AT_MOST: usize = 200;

/// Serves a front-end until it asks for the end.
pub fn run(file: &Path, places: Places) -> Result<()> {
    let connection = Connection::read(file)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended = runtime.block_on(serve(connection, places));
    runtime.shutdown_background();
    ended
}

/// A request for the session, and when it came.
type Job = (Instant, Message);

/// What the tasks of a kernel share.
struct Shared {
    connection: Connection,
    publish: UnboundedSender<Message>,
    reply: UnboundedSender<Message>,
    /// Whether a cell runs: questions about the code are answered with nothing meanwhile.
    busy: AtomicBool,
    /// Cells that run, once the session has started.
    process: OnceLock<Arc<Mutex<Child>>>,
    stdin: tokio::sync::Mutex<RouterSocket>,
    /// Ends a question to the person that is not answered.
    interrupted: tokio::sync::Notify,
    loading: Mutex<Loading>,
}

/// What a person who waits for the session is told.
#[derive(Default)]
struct Loading {
    news: Vec<String>,
    waiting: Option<Message>,
    over: bool,
}

impl Shared {
    fn publish(&self, message: Message) {
        let _ = self.publish.send(message);
    }

    fn status(&self, parent: &Message, state: &str) {
        self.publish(parent.child("status", json!({"execution_state": state})));
    }

    fn reply(&self, request: &Message, content: Value) {
        let _ = self.reply.send(request.reply(content));
    }

    /// Passes the stop button on to the process that runs cells.
    fn interrupt(&self) {
        if let Some(process) = self.process.get()
            && let Ok(mut process) = process.lock()
            && let (Ok(None), Ok(id)) = (process.try_wait(), i32::try_from(process.id()))
        {
            // SAFETY: takes any number; the child runs and is not waited for while it is locked: its number is its own.
            unsafe { libc::kill(id, libc::SIGINT) };
        }
    }

    fn loading(&self) -> std::sync::MutexGuard<'_, Loading> {
        self.loading.lock().unwrap_or_else(|held| held.into_inner())
    }

    /// Says something that is not a cell's own, in the place of its errors.
    fn tell(&self, cell: &Message, text: &str) {
        self.publish(cell.child("stream", json!({"name": "stderr", "text": format!("{text}\n")})));
    }

    /// Tells whoever waits for the session to start, or will.
    fn say(&self, text: &str) {
        let mut loading = self.loading();
        match &loading.waiting {
            Some(cell) => self.tell(cell, text),
            None => loading.news.push(text.to_string()),
        }
    }

    /// A cell waits for the session to start.
    fn waits(&self, cell: &Message) {
        let mut loading = self.loading();
        if !loading.over && loading.waiting.is_none() {
            loading.waiting = Some(cell.clone());
            std::mem::take(&mut loading.news).iter().for_each(|text| self.tell(cell, text));
        }
    }

    fn end_process(&self) {
        if let Some(process) = self.process.get()
            && let Ok(mut process) = process.lock()
        {
            let _ = process.kill();
        }
    }
}

async fn bind<S: Socket>(connection: &Connection, name: &str) -> Result<S> {
    let mut socket = S::new();
    let endpoint = connection.endpoint(name)?;
    socket.bind(&endpoint).await.with_context(|| format!("cannot listen at {endpoint}"))?;
    Ok(socket)
}

async fn serve(connection: Connection, places: Places) -> Result<()> {
    let mut heartbeat: RepSocket = bind(&connection, "hb").await?;
    let shell: RouterSocket = bind(&connection, "shell").await?;
    let mut control: RouterSocket = bind(&connection, "control").await?;
    let stdin: RouterSocket = bind(&connection, "stdin").await?;
    let mut iopub: PubSocket = bind(&connection, "iopub").await?;
    let mut listeners = iopub.monitor();
    let (publish, mut published) = unbounded_channel::<Message>();
    let (reply, mut replies) = unbounded_channel::<Message>();
    let shared = Arc::new(Shared {
        connection: connection.clone(),
        publish,
        reply,
        busy: AtomicBool::new(false),
        process: OnceLock::new(),
        stdin: tokio::sync::Mutex::new(stdin),
        interrupted: tokio::sync::Notify::new(),
        loading: Mutex::default(),
    });

    tokio::spawn(async move {
        // A client that goes away is an error of its own, not the end.
        loop {
            if let Ok(beat) = heartbeat.recv().await {
                let _ = heartbeat.send(beat).await;
            }
        }
    });
    let own = connection.clone();
    tokio::spawn(async move {
        while let Some(message) = published.recv().await {
            send(&mut iopub, &own, &message).await;
        }
    });
    let (mut answers, mut questions) = shell.split();
    let own = connection.clone();
    tokio::spawn(async move {
        while let Some(message) = replies.recv().await {
            send(&mut answers, &own, &message).await;
        }
    });
    watch_parent();

    let (jobs, queue) = channel::<Job>();
    let worker = shared.clone();
    let handle = tokio::runtime::Handle::current();
    std::thread::Builder::new()
        .name("lgf-session".into())
        .stack_size(STACK)
        .spawn(move || work(&worker, &places, &queue, &handle))?;

    let asked = shared.clone();
    tokio::spawn(async move {
        let somebody =
            async { while !matches!(futures_next(&mut listeners).await, Some(SocketEvent::Accepted(..)) | None) {} };
        let _ = tokio::time::timeout(LISTENERS, somebody).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        loop {
            let wire = match questions.recv().await {
                Ok(wire) => wire,
                Err(_) => continue,
            };
            match asked.connection.decode(wire) {
                Ok(message) => answer(&asked, message, &jobs),
                Err(error) => eprintln!("a message that is not one: {error:#}"),
            }
        }
    });

    loop {
        let Ok(wire) = control.recv().await else { continue };
        let Ok(message) = connection.decode(wire) else { continue };
        shared.status(&message, "busy");
        let content = match message.kind() {
            "kernel_info_request" => kernel_info(),
            "interrupt_request" => {
                shared.interrupt();
                shared.interrupted.notify_waiters();
                json!({"status": "ok"})
            }
            "shutdown_request" => json!({"status": "ok", "restart": message.content["restart"]}),
            _ => {
                json!({"status": "error", "ename": "Unknown", "evalue": "this kernel has no debugger", "traceback": []})
            }
        };
        let _ = control.send(connection.encode(&message.reply(content))?).await;
        shared.status(&message, "idle");
        if message.kind() == "shutdown_request" {
            shared.end_process();
            // Time for the reply to leave.
            tokio::time::sleep(Duration::from_millis(20)).await;
            return Ok(());
        }
    }
}

async fn futures_next(events: &mut futures_channel::mpsc::Receiver<SocketEvent>) -> Option<SocketEvent> {
    std::future::poll_fn(|context| futures_core::Stream::poll_next(std::pin::Pin::new(&mut *events), context)).await
}

async fn send(socket: &mut impl SocketSend, connection: &Connection, message: &Message) {
    match connection.encode(message) {
        // A front-end that has gone does not matter.
        Ok(wire) => drop(socket.send(wire).await),
        Err(error) => eprintln!("a {} that cannot be sent: {error:#}", message.kind()),
    }
}

/// Ends this kernel when the front-end that started it is gone without having said so.
fn watch_parent() {
    // SAFETY: takes nothing.
    let parent = || unsafe { libc::getppid() };
    let first = parent();
    if std::env::var_os("JPY_PARENT_PID").is_none() || first == 1 {
        return;
    }
    std::thread::spawn(move || {
        while parent() == first {
            std::thread::sleep(Duration::from_secs(2));
        }
        std::process::exit(0);
    });
}

/// Answers a request at once, or puts it in the queue of the session.
fn answer(shared: &Arc<Shared>, message: Message, jobs: &Sender<Job>) {
    let kind = message.kind();
    let of_session = matches!(kind, "execute_request" | "complete_request" | "inspect_request");
    if of_session && (kind == "execute_request" || !shared.busy.load(Ordering::SeqCst)) {
        if kind == "execute_request" {
            shared.waits(&message);
        }
        if let Err(refused) = jobs.send((Instant::now(), message)) {
            let (_, message) = refused.0;
            let failed = json!({"status": "error", "ename": "KernelError", "traceback": [],
                                "evalue": "the kernel has failed: restart it"});
            shared.reply(&message, failed);
            shared.status(&message, "idle");
        }
        return;
    }
    shared.status(&message, "busy");
    match kind {
        "kernel_info_request" => shared.reply(&message, kernel_info()),
        "complete_request" => shared.reply(&message, no_completions(message.code(), message.cursor())),
        "inspect_request" => {
            shared.reply(&message, json!({"status": "ok", "found": false, "data": {}, "metadata": {}}))
        }
        "is_complete_request" => shared.reply(&message, json!({"status": "complete"})),
        "comm_info_request" => shared.reply(&message, json!({"status": "ok", "comms": {}})),
        "history_request" => shared.reply(&message, json!({"status": "ok", "history": []})),
        "comm_open" => {
            shared.publish(message.child("comm_close", json!({"comm_id": message.content["comm_id"], "data": {}})))
        }
        _ => {}
    }
    shared.status(&message, "idle");
}

fn no_completions(code: &str, cursor: usize) -> Value {
    let place = code_points(code, cursor);
    json!({"status": "ok", "matches": [], "cursor_start": place, "cursor_end": place, "metadata": {}})
}

fn kernel_info() -> Value {
    json!({
        "status": "ok", "protocol_version": "5.3", "implementation": "lgf-kernel",
        "implementation_version": env!("CARGO_PKG_VERSION"), "debugger": false, "supported_features": [],
        // As the notebooks in the project have it: a front-end that finds another marks a notebook as changed.
        "language_info": {"name": "Rust", "mimetype": "text/rust", "file_extension": ".rs", "codemirror_mode": "rust"},
        "banner": "Rust (lgf): notebooks on local and global features",
        "help_links": [{"text": "Rust's standard library", "url": "https://doc.rust-lang.org/stable/std/"}],
    })
}

/// The session's thread: starts it, then takes requests one by one.
fn work(shared: &Arc<Shared>, places: &Places, queue: &mpsc::Receiver<Job>, handle: &tokio::runtime::Handle) {
    let mut worker = Worker::start(shared, places, handle);
    while let Ok((arrived, message)) = queue.recv() {
        shared.status(&message, "busy");
        match message.kind() {
            "execute_request" if worker.failed.is_some_and(|failed| arrived <= failed) => {
                shared.reply(&message, json!({"status": "aborted"}));
            }
            "execute_request" => worker.execute(&message),
            "complete_request" => shared.reply(&message, worker.complete(message.code(), message.cursor())),
            _ => shared.reply(&message, worker.inspect(message.code(), message.cursor())),
        }
        shared.status(&message, "idle");
    }
}

/// What the session's thread keeps from request to request.
struct Worker<'a> {
    shared: &'a Arc<Shared>,
    handle: &'a tokio::runtime::Handle,
    /// The session and what its cells print, or why there is none.
    session: Result<(Session, [Stream; 2]), String>,
    count: usize,
    /// When the last cell failed: what was sent before that, behind it, is not run.
    failed: Option<Instant>,
}

impl<'a> Worker<'a> {
    fn start(shared: &'a Arc<Shared>, places: &Places, handle: &'a tokio::runtime::Handle) -> Self {
        let started = Session::start(places, &|text| shared.say(text));
        shared.loading().over = true;
        let session = match started {
            Ok((mut session, outputs)) => {
                let _ = shared.process.set(session.process());
                let streams = [("stdout", outputs.stdout), ("stderr", outputs.stderr)]
                    .map(|(name, lines)| Stream::pass_on(shared, name, lines));
                streams[1].wait(session.completed());
                Ok((session, streams))
            }
            Err(error) => Err(format!("the kernel could not start: {error:#}")),
        };
        Worker { shared, handle, session, count: 0, failed: None }
    }

    /// Runs a cell and says how it ended.
    fn execute(&mut self, message: &Message) {
        let silent = message.content["silent"] == true;
        if !silent {
            self.count += usize::from(message.content["store_history"] != false);
            let input = json!({"code": message.code(), "execution_count": self.count});
            self.shared.publish(message.child("execute_input", input));
        }
        self.shared.busy.store(true, Ordering::SeqCst);
        let ended = self.run(message);
        self.shared.busy.store(false, Ordering::SeqCst);
        match ended {
            Ok(bundle) => {
                if !bundle.is_empty() && !silent {
                    let content = json!({"execution_count": self.count, "data": bundle, "metadata": {}});
                    self.shared.publish(message.child("execute_result", content));
                }
                // For who measures: how long the cell itself ran.
                let ran = self.session.as_ref().map_or(0.0, |(session, _)| session.ran.as_secs_f64());
                let content = json!({"status": "ok", "execution_count": self.count, "user_expressions": {},
                                     "payload": [], "lgf": {"ran": ran}});
                self.shared.reply(message, content);
            }
            Err(failure) => {
                // Before the reply: what is sent after it is a new beginning.
                if message.content["stop_on_error"] != false {
                    self.failed = Some(Instant::now());
                }
                let mut error = json!({"ename": failure.name, "evalue": failure.value, "traceback": failure.traceback});
                if !silent {
                    self.shared.publish(message.child("error", error.clone()));
                }
                error["status"] = "error".into();
                error["execution_count"] = self.count.into();
                self.shared.reply(message, error);
            }
        }
    }

    /// Runs a cell, and sees to it that what it printed is passed on before it counts as ended.
    fn run(&mut self, message: &Message) -> Result<Bundle, Failure> {
        let (shared, handle) = (self.shared, self.handle);
        if let Ok((_, streams)) = &self.session {
            streams.iter().for_each(|stream| stream.belongs_to(message));
        }
        std::mem::take(&mut shared.loading().news).iter().for_each(|text| shared.tell(message, text));
        let (session, [out, err]) = match &mut self.session {
            Ok(session) => session,
            Err(refused) => return Err(Failure::new("KernelError", refused.clone()).or_said(&[])),
        };
        let say = |text: &str| shared.tell(message, text);
        let ask = |prompt: &str, password: bool| handle.block_on(input(shared, message, prompt, password));
        let ended = guarded(|| session.run(message.code(), &ask, &say));
        out.wait(0);
        err.wait(session.completed());
        out.publish();
        // The last lines of a cell that fails are its error.
        let own = matches!(&ended, Err(failure) if failure.traceback.is_empty());
        let said = if own { err.take_held() } else { vec![] };
        err.publish();
        ended.map_err(|failure| failure.or_said(&said))
    }

    fn complete(&mut self, code: &str, cursor: usize) -> Value {
        let Ok((session, [_, err])) = &mut self.session else { return no_completions(code, cursor) };
        let found = catch_unwind(AssertUnwindSafe(|| session.complete(code, cursor)));
        // A table may have been asked for its columns, by a cell.
        err.wait(session.completed());
        let Ok(Ok((start, end, items))) = found else { return no_completions(code, cursor) };
        let (start, end) = (code_points(code, start), code_points(code, end));
        let types: Vec<Value> = items
            .iter()
            .map(|item| json!({"text": item.text, "type": item.kind, "signature": item.label, "start": start, "end": end}))
            .collect();
        let matches: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
        json!({"status": "ok", "matches": matches, "cursor_start": start, "cursor_end": end,
               "metadata": {"_jupyter_types_experimental": types}})
    }

    fn inspect(&mut self, code: &str, cursor: usize) -> Value {
        let session = self.session.as_mut().ok().map(|(session, _)| session);
        let inspect = |session: &mut Session| catch_unwind(AssertUnwindSafe(|| session.inspect(code, cursor)));
        let found = session.and_then(|session| inspect(session).unwrap_or_default());
        let data = found.as_ref().map_or(json!({}), |(plain, html)| json!({"text/plain": plain, "text/html": html}));
        json!({"status": "ok", "found": found.is_some(), "data": data, "metadata": {}})
    }
}

/// A cell whose evaluation fails in the kernel itself fails alone.
fn guarded<T>(run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let failed = |_| Err(Failure::new("KernelError", "the kernel failed at this cell"));
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(failed)
}

/// Asks the person for a line, where the front-end allows that.
async fn input(shared: &Shared, request: &Message, prompt: &str, password: bool) -> String {
    if request.content["allow_stdin"] != true {
        return String::new();
    }
    let question = request.child("input_request", json!({"prompt": prompt, "password": password}));
    let question = Message { identities: request.identities.clone(), ..question };
    let mut stdin = shared.stdin.lock().await;
    let Ok(wire) = shared.connection.encode(&question) else { return String::new() };
    if stdin.send(wire).await.is_err() {
        return String::new();
    }
    loop {
        let answer = tokio::select! {
            wire = stdin.recv() => wire.ok().and_then(|wire| shared.connection.decode(wire).ok()),
            () = shared.interrupted.notified() => return String::new(),
        };
        // A late answer to an earlier question is none to this one.
        let Some(answer) = answer else { return String::new() };
        if answer.parent["msg_id"] == question.header["msg_id"] {
            return answer.content["value"].as_str().unwrap_or_default().to_string();
        }
    }
}

/// What cells print, passed on as it comes.
struct Stream {
    lines: Receiver<String>,
    shared: Arc<Shared>,
    name: &'static str,
    printed: Arc<Mutex<Printed>>,
}

/// Where a stream is.
#[derive(Default)]
struct Printed {
    parent: Option<Message>,
    /// Lines that came a moment ago: the last of a cell that fails are its error and are shown as that.
    held: Vec<String>,
    last: Option<Instant>,
    /// How many cells have said all that they had to say, and have not been waited for.
    ended: usize,
    rewriting: bool,
}

impl Stream {
    /// Passes on lines as they come.
    fn pass_on(shared: &Arc<Shared>, name: &'static str, lines: Receiver<String>) -> Self {
        let stream = Stream { lines: lines.clone(), shared: shared.clone(), name, printed: Arc::default() };
        let (shared, printed) = (shared.clone(), stream.printed.clone());
        std::thread::spawn(move || {
            let mut oldest: Option<Instant> = None;
            loop {
                let patience = oldest.map_or(Duration::from_secs(3600), |oldest| HELD.saturating_sub(oldest.elapsed()));
                let mut next = Select::new();
                next.recv(&lines);
                let _ = next.ready_timeout(patience);
                // Taken under the lock: who holds it and finds no line waiting has all of them.
                let mut printed = printed.lock().unwrap_or_else(|held| held.into_inner());
                match lines.try_recv() {
                    Ok(line) => {
                        match line.strip_suffix(marks::ENDED) {
                            Some(open) => {
                                printed.ended += 1;
                                printed.held.extend(Some(open.to_string()).filter(|open| !open.is_empty()));
                            }
                            None => printed.held.push(line),
                        }
                        printed.last = Some(Instant::now());
                        oldest = oldest.or(printed.last);
                    }
                    Err(TryRecvError::Empty) => {}
                    Err(TryRecvError::Disconnected) => return publish_held(&shared, name, &mut printed),
                }
                if oldest.is_some_and(|oldest| oldest.elapsed() >= HELD) || printed.held.len() > HELD_AT_MOST {
                    publish_held(&shared, name, &mut printed);
                    oldest = None;
                }
            }
        });
        stream
    }

    fn printed(&self) -> std::sync::MutexGuard<'_, Printed> {
        self.printed.lock().unwrap_or_else(|held| held.into_inner())
    }

    /// From now on, lines belong to this cell.
    fn belongs_to(&self, message: &Message) {
        let mut printed = self.printed();
        publish_held(&self.shared, self.name, &mut printed);
        // What a silent request prints is nobody's.
        printed.parent = (message.content["silent"] != true).then(|| message.clone());
        (printed.last, printed.rewriting) = (None, false);
    }

    /// Waits until all has come that cells printed, so many of which come to their end on this stream; without any, what
    /// waits has come (evcxr does not return before standard output is taken, nor before a process that ended has said all).
    fn wait(&self, complete: usize) {
        let start = Instant::now();
        loop {
            let mut printed = self.printed();
            let last = printed.last.filter(|_| complete > 0).map_or(start, |last| last.max(start));
            let all = if complete > 0 { printed.ended >= complete } else { self.lines.is_empty() };
            if all || last.elapsed() > PATIENCE {
                printed.ended = printed.ended.saturating_sub(complete);
                return;
            }
            drop(printed);
            std::thread::sleep(LOOKED);
        }
    }

    /// The lines that came last and have not been passed on.
    fn take_held(&self) -> Vec<String> {
        std::mem::take(&mut self.printed().held)
    }

    fn publish(&self) {
        publish_held(&self.shared, self.name, &mut self.printed());
    }
}

fn publish_held(shared: &Shared, name: &str, printed: &mut Printed) {
    let lines = std::mem::take(&mut printed.held);
    let text: String = lines.iter().map(|line| as_text(line, &mut printed.rewriting)).collect();
    if let (Some(parent), false) = (&printed.parent, text.is_empty()) {
        shared.publish(parent.child("stream", json!({"name": name, "text": text})));
    }
}

/// A line as stream text: one that begins with a carriage return takes the place of the last such line, until one stays.
fn as_text(line: &str, rewriting: &mut bool) -> String {
    let (again, stays) = (line.starts_with('\r'), line.ends_with(marks::STAYS));
    let before = if *rewriting && !again { "\n" } else { "" };
    *rewriting = again && !stays;
    let end = if *rewriting { "" } else { "\n" };
    format!("{before}{}{end}", line.trim_end_matches(marks::STAYS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_begins_with_a_return_stays_open_for_the_next() {
        let mut rewriting = false;
        let text: String = ["first", "\r1 of 3", "\r2 of 3", "last"].map(|line| as_text(line, &mut rewriting)).concat();
        assert_eq!(text, "first\n\r1 of 3\r2 of 3\nlast\n");
        let text: String =
            ["\r1 of 2", "\r2 of 2\u{1f}", "\r1 of 9"].map(|line| as_text(line, &mut rewriting)).concat();
        assert_eq!(text, "\r1 of 2\r2 of 2\n\r1 of 9");
    }
}
