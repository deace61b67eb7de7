//! How much an archive may ask for.

/// The bounds that keep memory in proportion to the input, and the share of files that may be skipped.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Limits {
    /// Largest XML file, in bytes.
    pub xml_bytes: u64,
    /// Deepest nesting of XML elements.
    pub xml_depth: usize,
    /// Most attributes of one XML tag.
    pub xml_attributes: usize,
    /// Largest archive inside an archive, in bytes.
    pub member_bytes: u64,
    /// Most bytes that one byte of gzip may unpack to, over a whole file.
    pub inflate_ratio: u64,
    /// Bytes of packed archives and XML that wait for a free thread.
    pub queue_bytes: usize,
    /// Largest share of files (or of archives) that may be skipped before the whole reading fails, 0 to 1.
    pub max_reject_share: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            xml_bytes: 1 << 20,
            xml_depth: 32,
            xml_attributes: 256,
            member_bytes: 64 << 20,
            inflate_ratio: 200,
            queue_bytes: 64 << 20,
            max_reject_share: 0.01,
        }
    }
}
