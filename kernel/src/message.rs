//! Messages of the Jupyter protocol, signed and unsigned.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use zeromq::ZmqMessage;

const DELIMITER: &[u8] = b"<IDS|MSG>";

/// A connection file: where to listen, and the key that messages are signed with.
#[derive(Debug, Clone)]
pub struct Connection {
    address: String,
    ports: Value,
    key: String,
}

impl Connection {
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file: Value = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
        let text = |key: &str| file[key].as_str().with_context(|| format!("{}: {key} is missing", path.display()));
        let address = format!("{}://{}", text("transport")?, text("ip")?);
        Ok(Connection { address, key: text("key")?.to_string(), ports: file })
    }

    /// The endpoint of a socket, by its name in the file: `shell`, `control`, `iopub`, `stdin`, `hb`.
    pub fn endpoint(&self, socket: &str) -> Result<String> {
        let port = self.ports[format!("{socket}_port")].as_u64();
        Ok(format!("{}:{}", self.address, port.with_context(|| format!("{socket}_port is missing"))?))
    }

    fn signature(&self, parts: &[&[u8]]) -> Result<String> {
        if self.key.is_empty() {
            return Ok(String::new());
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_bytes())?;
        parts.iter().for_each(|part| mac.update(part));
        Ok(hex::encode(mac.finalize().into_bytes()))
    }

    /// A message from the wire.
    pub fn decode(&self, wire: ZmqMessage) -> Result<Message> {
        let frames = wire.into_vec();
        let delimiter = frames.iter().position(|frame| &frame[..] == DELIMITER).context("no delimiter")?;
        ensure!(frames.len() >= delimiter + 6, "a message of {} frames", frames.len());
        let parts: Vec<&[u8]> = frames[delimiter + 2..delimiter + 6].iter().map(|frame| &frame[..]).collect();
        let signature = std::str::from_utf8(&frames[delimiter + 1])?;
        ensure!(self.signature(&parts)? == signature, "a message with a wrong signature");
        Ok(Message {
            identities: frames[..delimiter].iter().map(|frame| frame.to_vec()).collect(),
            header: serde_json::from_slice(parts[0])?,
            parent: serde_json::from_slice(parts[1])?,
            content: serde_json::from_slice(parts[3])?,
        })
    }

    /// A message as it goes to the wire.
    pub fn encode(&self, message: &Message) -> Result<ZmqMessage> {
        let parts = [&message.header, &message.parent, &json!({}), &message.content];
        let parts = parts.iter().map(serde_json::to_vec).collect::<Result<Vec<_>, _>>()?;
        let signature = self.signature(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        let mut frames = message.identities.clone();
        frames.extend([DELIMITER.to_vec(), signature.into_bytes()]);
        frames.extend(parts);
        let mut frames = frames.into_iter();
        let mut wire = ZmqMessage::from(frames.next().context("an empty message")?);
        frames.for_each(|frame| wire.push_back(frame.into()));
        Ok(wire)
    }
}

/// One message: from the front-end, or to it.
#[derive(Debug, Clone)]
pub struct Message {
    pub identities: Vec<Vec<u8>>,
    pub header: Value,
    pub parent: Value,
    pub content: Value,
}

impl Message {
    pub fn kind(&self) -> &str {
        self.header["msg_type"].as_str().unwrap_or_default()
    }

    /// The text of a cell.
    pub fn code(&self) -> &str {
        self.content["code"].as_str().unwrap_or_default()
    }

    /// The cursor's place in the cell, in bytes: the protocol counts Unicode code points.
    pub fn cursor(&self) -> usize {
        let letters = self.content["cursor_pos"].as_u64().and_then(|at| usize::try_from(at).ok()).unwrap_or(usize::MAX);
        self.code().char_indices().nth(letters).map_or(self.code().len(), |(byte, _)| byte)
    }

    /// A message that this one causes.
    pub fn child(&self, kind: &str, content: Value) -> Message {
        let header = json!({
            "msg_id": uuid::Uuid::new_v4().to_string(), "msg_type": kind, "username": "kernel", "version": "5.3",
            "session": self.header["session"], "date": chrono::Utc::now().to_rfc3339(),
        });
        Message { identities: vec![], header, parent: self.header.clone(), content }
    }

    /// The answer to this request, for who asked.
    pub fn reply(&self, content: Value) -> Message {
        let reply = self.child(&self.kind().replace("_request", "_reply"), content);
        Message { identities: self.identities.clone(), ..reply }
    }
}

/// A place in a text, in bytes, as the protocol counts it.
pub fn code_points(text: &str, byte: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < byte).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(key: &str) -> Connection {
        Connection { address: "tcp://127.0.0.1".into(), ports: json!({"shell_port": 5555}), key: key.into() }
    }

    fn request(code: &str, cursor: u64) -> Message {
        let content = json!({"code": code, "cursor_pos": cursor});
        let header = json!({"msg_id": "1", "msg_type": "execute_request", "session": "s"});
        Message { identities: vec![b"who".to_vec()], header, parent: json!({}), content }
    }

    #[test]
    fn a_message_comes_back_as_it_was_sent_and_a_forged_one_does_not() {
        for key in ["secret", ""] {
            let sent = request("let é = 1;", 5);
            let read = connection(key).decode(connection(key).encode(&sent).unwrap()).unwrap();
            assert_eq!((read.code(), read.kind(), &read.identities), (sent.code(), sent.kind(), &sent.identities));
        }
        let forged = connection("other").encode(&request("rm", 0)).unwrap();
        assert!(connection("secret").decode(forged).unwrap_err().to_string().contains("wrong signature"));
        assert_eq!(connection("").endpoint("shell").unwrap(), "tcp://127.0.0.1:5555");
    }

    #[test]
    fn places_are_code_points_outside_and_bytes_inside() {
        let message = request("é🦀x", 2);
        assert_eq!(message.cursor(), 6);
        assert_eq!(code_points(message.code(), 6), 2);
        assert_eq!(request("ab", 99).cursor(), 2);
    }

    #[test]
    fn an_answer_goes_to_who_asked() {
        let reply = request("1", 0).reply(json!({"status": "ok"}));
        assert_eq!((reply.kind(), reply.identities.len(), &reply.parent["msg_id"]), ("execute_reply", 1, &json!("1")));
    }
}
