//! The tables, the steps that write them, and readings that end early.

use super::*;

/// Names that break tables which are put together from text.
const ODD_NAMES: [&str; 12] = [
    "two\nlines",
    "carriage\rreturn",
    "both\r\nof them",
    "a \"quoted\" name",
    "a,comma;and tab\t",
    " spaces ",
    "'=1+1",
    "日本語の写真",
    "صورة",
    "🐟",
    "e\u{301}",
    "null",
];

#[test]
fn bad_input_80_names_of_any_letters_are_read_back_from_every_table() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path()).unwrap();
    let mut files: Vec<Annotation> = ODD_NAMES
        .iter()
        .map(|name| Annotation {
            folder: format!("folder of {name}").into(),
            filename: (*name).into(),
            database: Some((*name).into()),
            size: (10, 20),
            objects: vec![(0, Object { name: Some((*name).into()), corners: [0, 0, 20, 10], ..Object::default() })],
            ..Annotation::default()
        })
        .collect();
    files.sort_by(|a, b| a.folder.cmp(&b.folder));
    let boxes = boxes_table(&files).unwrap();
    for path in store.write_table("boxes", &boxes).unwrap() {
        assert!(read_boxes(&path).unwrap().equals_missing(&boxes), "{}", path.display());
    }
    let none = boxes.head(Some(0));
    let whole = published_form(&boxes, &none).unwrap();
    let pieces = super::published::published_pieces(&boxes, &none).unwrap();
    store.write_pieces("published", pieces).unwrap();
    assert!(store.table("published").unwrap().equals_missing(&whole));
    assert!(csv(&store, "published").equals_missing(&texts_of(&whole)));
    // Through an archive, and in the table of what was skipped.
    let xml = good("n").replace("<xmin>10<", "<xmin>-1<");
    let mut tar = Vec::new();
    for name in ODD_NAMES {
        tar.extend(entry(format!("{name}.xml").as_bytes(), EntryType::Regular, xml.len() as u64, xml.as_bytes()));
    }
    tar.extend([0; 1024]);
    let read = read_bytes(&gzip(&tar)).unwrap();
    assert_eq!((read.rejects.len(), read.counts.files), (ODD_NAMES.len(), ODD_NAMES.len() as u64));
    let rejects = rejects_table(&read.rejects).unwrap();
    store.write_table("rejects", &rejects).unwrap();
    let back = csv(&store, "rejects");
    let members = |table: &DataFrame| crate::table::texts(table, "member").unwrap();
    assert_eq!(members(&back), members(&rejects));
    assert!(members(&back).contains(&"both\r\nof them.xml".to_string()));
}

/// A table's CSV, every column as text.
fn csv(store: &Store, name: &str) -> DataFrame {
    let options = CsvReadOptions::default().with_has_header(true).with_infer_schema_length(Some(0));
    let file = fs::File::open(store.path(&format!("{name}.csv"))).unwrap();
    options.into_reader_with_file_handle(file).finish().unwrap()
}

/// The same table with every column as text.
fn texts_of(table: &DataFrame) -> DataFrame {
    let columns = table.columns().iter().map(|column| column.cast(&DataType::String).unwrap()).collect();
    DataFrame::new(table.height(), columns).unwrap()
}

#[test]
fn a_step_that_fails_for_what_it_skipped_lists_it_first() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path().join("root")).unwrap();
    let archive = folder.path().join("a.tar.gz");
    fs::write(&archive, beside_good(b"<a>")).unwrap();
    let run = |store: &Store| collect_boxes(store, Some(&archive), &Limits::default(), Progress::silent());
    let error = run(&store).unwrap_err();
    let listed = store.path("imagenet_boundingboxes_rejects.csv");
    assert!(error.to_string().contains("50.0 % were skipped") && error.file() == Some(&archive), "{error}");
    assert!(error.advice().unwrap().contains(&listed.display().to_string()), "{error}");
    assert!(fs::read_to_string(listed).unwrap().contains("n01440764_2.xml"));
    assert!(!store.path("imagenet_boundingboxes.csv").exists(), "nothing else of a step that failed");
    run(&store.accepting(0.5).unwrap()).unwrap();

    // Nothing at all that could be read.
    fs::write(&archive, gzip(&tar_of(&[("n01440764_1.xml", b"<a>")]))).unwrap();
    let store = Store::at(folder.path().join("other")).unwrap();
    let error = run(&store).unwrap_err();
    assert!(error.to_string().contains("no annotation could be read"), "{error}");
    assert!(!error.advice().unwrap().contains("allow more"), "{error}");
    assert!(store.path("imagenet_boundingboxes_rejects.csv").exists());
}

#[test]
fn bad_input_74_step_2_lists_what_it_leaves_out_before_it_fails() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path().join("root")).unwrap();
    let path = folder.path().join("n01440764_1.png");
    fs::write(&path, crate::pixels::encode_png(&crate::pixels::RgbImage::new(375, 500)).unwrap()).unwrap();
    let images = crate::files::list_images(&[folder.path().to_path_buf()]).unwrap();
    let boxes = read_bytes(&beside_good(good("n01440764_2").as_bytes())).unwrap().boxes;
    let error = choose_boxes(&store, &boxes, &images, &Subset::default()).unwrap_err();
    assert!(error.to_string().contains("1 of another shape than their annotation"), "{error}");
    let listed = fs::read_to_string(store.path("imagenette_boundingboxes_rejects.csv")).unwrap();
    assert!(listed.contains("the photograph is 500 x 375, its annotation says 375 x 500"), "{listed}");
    assert!(!store.path("imagenette_boundingboxes.csv").exists(), "nothing else of a step that failed");
    let keep = Subset { other_shape: OtherShape::Keep, ..Subset::default() };
    assert_eq!(choose_boxes(&store, &boxes, &images, &keep).unwrap().boxes.height(), 1);
}

#[test]
fn too_many_skipped_fail_and_so_does_nothing_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar.gz");
    fs::write(&path, beside_good(b"<a>")).unwrap();
    let error = read_archive(&path, &Limits::default(), &mut |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("50.0 % were skipped"), "{error}");
    fails(&gzip(&tar_of(&[("readme.txt", b"x")])), Code::Xml, "no annotation could be read");
}

fn sample() -> BTreeMap<String, Vec<(String, Annotation)>> {
    let corners = |index: i32| [index, index + 1, index + 50, index + 60];
    let file = |wnid: &str, number: i32| {
        let object = |index: i32| {
            let (name, pose) = (Some(wnid.into()), Some("Unspecified".into()));
            (index, Object { name, pose, truncated: Some(0), difficult: Some(index), corners: corners(number + index) })
        };
        let filename = format!("{wnid}_{number}");
        let annotation = Annotation {
            folder: wnid.into(),
            filename: filename.as_str().into(),
            database: Some("drawn & sampled".into()),
            size: (375, 500),
            depth: Some(3),
            segmented: Some(0),
            objects: (0..number % 3).map(object).collect(),
        };
        (filename, annotation)
    };
    (0..20)
        .map(|wnid| format!("n{:08}", 90_000_000 + wnid))
        .map(|wnid| {
            let mut files: Vec<_> = (0..30).map(|number| file(&wnid, number)).collect();
            files.sort_by(|a, b| a.0.cmp(&b.0));
            (wnid, files)
        })
        .collect()
}

fn packed(sample: &BTreeMap<String, Vec<(String, Annotation)>>) -> Vec<u8> {
    let written = sample.iter().map(|(wnid, files)| {
        (wnid.clone(), files.iter().map(|(name, file)| (name.clone(), write_annotation(file))).collect())
    });
    let mut bytes = Vec::new();
    write_archive(&mut bytes, &written.collect()).unwrap();
    bytes
}

#[test]
fn what_is_written_is_read_again() {
    let sample = sample();
    let bytes = packed(&sample);
    assert_eq!(bytes, packed(&sample), "the same annotations gave other bytes");
    let read = read_bytes(&bytes).unwrap();
    let all: Vec<Annotation> = sample.into_values().flatten().map(|(_, file)| file).collect();
    assert!(read.boxes.equals_missing(&boxes_table(&all).unwrap()));
    assert_eq!((read.boxes.height(), read.without_box.height()), (600, 200));
    assert_eq!((read.counts.archives, read.counts.files, read.counts.boxes), (20, 600, 600));
    assert_eq!((read.rejects.len(), read.flags.len()), (0, 0));
}

#[test]
fn the_schema_of_the_tables() {
    let read = read_bytes(&packed(&sample())).unwrap();
    let schema = |table: &DataFrame| -> Vec<(String, DataType)> {
        table.schema().iter().map(|(name, kind)| (name.to_string(), kind.clone())).collect()
    };
    let expected: Vec<(String, DataType)> =
        BOX_COLUMNS.iter().map(|(name, kind)| (name.to_string(), kind.clone())).collect();
    assert_eq!(schema(&read.boxes), expected);
    assert_eq!(schema(&read.without_box), expected[..7]);
    let names: Vec<String> = schema(&rejects_table(&[]).unwrap()).into_iter().map(|column| column.0).collect();
    assert_eq!(names, Reject::COLUMNS);
}

#[test]
fn rows_do_not_depend_on_threads_or_on_the_form_of_the_input() {
    let sample = sample();
    let bytes = packed(&sample);
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("Annotation.tar.gz");
    fs::write(&archive, &bytes).unwrap();
    let synsets = folder.path().join("synsets");
    let loose = folder.path().join("loose");
    fs::create_dir(&synsets).unwrap();
    let mut outer = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
    outer.unpack(&synsets).unwrap();
    for (name, file) in sample.values().flatten() {
        fs::create_dir_all(loose.join(&file.folder)).unwrap();
        fs::write(loose.join(&file.folder).join(format!("{name}.xml")), write_annotation(file)).unwrap();
    }
    let read = |threads: usize, path: &PathBuf, queue_bytes: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let limits = Limits { queue_bytes, ..Limits::default() };
        pool.install(|| read_archive(path, &limits, &mut |_| Ok(())).unwrap())
    };
    let first = read(1, &archive, 1);
    for (threads, path, queue) in
        [(4, &archive, 1 << 20), (1, &archive, 1 << 20), (4, &synsets, 4096), (4, &loose, 4096)]
    {
        let other = read(threads, path, queue);
        assert!(first.boxes.equals_missing(&other.boxes), "{threads} threads, {}", path.display());
        assert!(first.without_box.equals_missing(&other.without_box));
        assert_eq!((first.counts.files, first.counts.boxes), (other.counts.files, other.counts.boxes));
    }
}

#[test]
fn an_error_of_the_progress_stops_the_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Annotation.tar.gz");
    fs::write(&path, packed(&sample())).unwrap();
    let stop = &mut |_: &Counts| Err(Error::new(Code::Stopped, "stopped"));
    assert_eq!(read_archive(&path, &Limits::default(), stop).unwrap_err().code(), Code::Stopped);
}

#[test]
fn the_published_form_has_one_row_a_file() {
    let read = read_bytes(&packed(&sample())).unwrap();
    let published = published_form(&read.boxes, &read.without_box).unwrap();
    let names: Vec<&str> = published.get_column_names().into_iter().map(|name| name.as_str()).collect();
    assert_eq!(names, PUBLISHED_COLUMNS);
    assert_eq!(published.height(), 600);
    let empty = published.column("object.bndbox.xmin").unwrap().null_count();
    assert_eq!(empty, 400, "200 files without object, 200 with two");
    assert_eq!(published.column("object").unwrap().null_count(), 400);
    let lists = published.column("object").unwrap();
    let list = lists.str().unwrap().iter().flatten().next().unwrap();
    let objects: serde_json::Value = serde_json::from_str(list).unwrap();
    assert_eq!(objects.as_array().unwrap().len(), 2);
    assert!(objects[1]["bndbox"]["xmax"].is_i64());
}

#[test]
fn tables_are_read_back_without_loss_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path()).unwrap();
    let mut sample = sample();
    // Texts that CSV has to quote, and values that are missing.
    let odd = |number: i32| Annotation {
        folder: "n90000001".into(),
        filename: format!("n90000001_{}", 100 + number).into(),
        database: (number > 0).then(|| "a \"quoted\", one\nof two lines".into()),
        size: (10, 20),
        objects: vec![(number, Object { corners: [0, 0, 20, 10], ..Object::default() })],
        ..Annotation::default()
    };
    let files = sample.get_mut("n90000001").unwrap();
    files.extend([(odd(0).filename.to_string(), odd(0)), (odd(1).filename.to_string(), odd(1))]);
    let mut all: Vec<Annotation> = sample.into_values().flatten().map(|(_, file)| file).collect();
    all.sort_by(|a, b| (&a.folder, &a.filename).cmp(&(&b.folder, &b.filename)));
    let mut rows = super::rows::Rows::default();
    all.iter().for_each(|file| rows.push(file));
    let (boxes, without_box) = super::rows::tables(&[rows]).unwrap();
    for path in store.write_table("boxes", &boxes).unwrap() {
        assert!(read_boxes(&path).unwrap().equals_missing(&boxes), "{}", path.display());
    }
    let whole = published_form(&boxes, &without_box).unwrap();
    let pieces =
        store.write_pieces("published", super::published::published_pieces(&boxes, &without_box).unwrap()).unwrap();
    assert!(store.table("published").unwrap().equals_missing(&whole));
    assert!(pieces.iter().all(|path| path.exists()));
    let (back, empty) = from_published(&store.table("published").unwrap()).unwrap();
    assert!(back.equals_missing(&boxes) && empty.equals_missing(&without_box));
}

#[test]
fn bad_input_54_and_55_tables_that_are_no_tables() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path()).unwrap();
    let boxes = read_bytes(&packed(&sample())).unwrap().boxes;
    let [parquet, csv] = store.write_table("boxes", &boxes).unwrap();
    let fails = |path: &Path, bytes: &[u8], expected: &str| {
        fs::write(path, bytes).unwrap();
        let error = read_boxes(path).unwrap_err();
        assert_eq!(error.code(), Code::Table, "{error}");
        assert!(error.to_string().contains(expected) && error.file().is_some(), "{error}");
    };
    let bytes = fs::read(&parquet).unwrap();
    fails(&parquet, &bytes[..bytes.len() - 8], "not a whole table");
    fails(&parquet, &bytes[..bytes.len() / 2], "not a whole table");
    let text = fs::read_to_string(&csv).unwrap();
    fails(&csv, text.replacen(",500,", ",wide,", 1).as_bytes(), "not a whole table");
    fails(&csv, (text.clone() + "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r\n").as_bytes(), "not a whole table");
    fs::write(&csv, text.replace('\n', "\r\n")).unwrap();
    assert!(read_boxes(&csv).unwrap().equals_missing(&boxes), "CRLF");
}

#[test]
fn bad_input_03_what_a_cut_archive_had_is_kept_and_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path().join("root")).unwrap();
    let archive = folder.path().join("Annotation.tar.gz");
    let whole = packed(&sample());
    fs::write(&archive, &whole[..whole.len() * 6 / 10]).unwrap();
    let run = || collect_boxes(&store, Some(&archive), &Limits::default(), Progress::silent());
    let error = run().unwrap_err();
    assert!(error.to_string().contains("cut") && error.at().is_some(), "{error}");
    assert!(!store.path("imagenet_boundingboxes.parquet").exists());
    let kept = Finished::load(&store, &Limits::default()).unwrap();
    assert!((5..20).contains(&kept.len()), "{} of 20 synsets", kept.len());
    assert!(Finished::load(&store, &Limits { xml_depth: 9, ..Limits::default() }).unwrap().is_empty(), "other limits");

    fs::write(&archive, &whole).unwrap();
    let mut finished = kept.clone();
    let resumed = resume_archive(&archive, &Limits::default(), &mut finished, &mut |_| Ok(())).unwrap();
    let straight = read_archive(&archive, &Limits::default(), &mut |_| Ok(())).unwrap();
    assert!(resumed.boxes.equals_missing(&straight.boxes) && resumed.without_box.equals_missing(&straight.without_box));
    assert_eq!(resumed.counts, straight.counts);

    let boxes = run().unwrap();
    assert!(boxes.equals_missing(&straight.boxes));
    assert!(Finished::load(&store, &Limits::default()).unwrap().is_empty(), "cleared");
    assert!(
        fs::read_dir(store.root())
            .unwrap()
            .all(|entry| { !entry.unwrap().file_name().to_string_lossy().contains("unfinished") })
    );
}

#[test]
fn a_stop_keeps_what_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Annotation.tar.gz");
    fs::write(&path, packed(&sample())).unwrap();
    let mut finished = Finished::default();
    let stop = &mut |counts: &Counts| {
        if counts.archives < 5 { Ok(()) } else { Err(Error::new(Code::Stopped, "stopped")) }
    };
    assert_eq!(resume_archive(&path, &Limits::default(), &mut finished, stop).unwrap_err().code(), Code::Stopped);
    assert!(finished.len() >= 5);
}

#[test]
fn the_first_file_is_an_example() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Annotation.tar.gz");
    fs::write(&path, packed(&sample())).unwrap();
    let example = first_example(&path, &Limits::default()).unwrap();
    assert!(example.xml.starts_with("<annotation>") && example.member.ends_with(".xml"));
    assert!(first_example(folder.path(), &Limits::default()).unwrap().xml == example.xml, "from its folder");
    fs::write(&path, gzip(&tar_of(&[("readme.txt", b"x")]))).unwrap();
    assert_eq!(first_example(&path, &Limits::default()).unwrap_err().code(), Code::Missing);
}
