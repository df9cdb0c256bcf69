BEGIN TRANSACTION;
CREATE TABLE cf_feedback (
	origin_id INTEGER NOT NULL, 
	text_id INTEGER NOT NULL, 
	value FLOAT NOT NULL, 
	time BIGINT NOT NULL, 
	item_id BIGINT NOT NULL, 
	added BIGINT NOT NULL, 
	cf_key TEXT NOT NULL, 
	PRIMARY KEY (origin_id, text_id)
)
 WITHOUT ROWID

;
INSERT INTO "cf_feedback" VALUES(1,1,1.0,1700000000,-1,0,'');
CREATE TABLE cf_listens (
	origin_id INTEGER NOT NULL, 
	time BIGINT NOT NULL, 
	text_id INTEGER NOT NULL, 
	seconds FLOAT, 
	skipped SMALLINT NOT NULL, 
	PRIMARY KEY (origin_id, time, text_id)
)
 WITHOUT ROWID

;
INSERT INTO "cf_listens" VALUES(1,1700000000,1,240.0,0);
INSERT INTO "cf_listens" VALUES(1,1700000300,2,NULL,1);
CREATE TABLE cf_matches (
	text_id INTEGER NOT NULL, 
	item_id BIGINT NOT NULL, 
	cf_key TEXT NOT NULL, 
	sound BIGINT NOT NULL, 
	name BIGINT NOT NULL, 
	PRIMARY KEY (text_id)
);
INSERT INTO "cf_matches" VALUES(1,4,'key',-771054778287620914,0);
CREATE TABLE cf_notes (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "cf_notes" VALUES('matched','');
INSERT INTO "cf_notes" VALUES('snapshot','1700000000');
CREATE TABLE cf_origins (
	id INTEGER NOT NULL, 
	listener TEXT NOT NULL, 
	source TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (listener, source)
);
INSERT INTO "cf_origins" VALUES(1,'anna','csv');
CREATE TABLE cf_schema (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "cf_schema" VALUES(3);
CREATE TABLE cf_snapshots (
	library TEXT NOT NULL, 
	item_id BIGINT NOT NULL, 
	field TEXT NOT NULL, 
	base BIGINT NOT NULL, 
	count BIGINT NOT NULL, 
	sound BIGINT NOT NULL, 
	name BIGINT NOT NULL, 
	PRIMARY KEY (library, item_id, field)
)
 WITHOUT ROWID

;
INSERT INTO "cf_snapshots" VALUES('',4,'play_count',1,9,0,0);
CREATE TABLE cf_tallies (
	origin_id INTEGER NOT NULL, 
	text_id INTEGER NOT NULL, 
	plays BIGINT NOT NULL, 
	skips BIGINT NOT NULL, 
	last BIGINT NOT NULL, 
	PRIMARY KEY (origin_id, text_id)
)
 WITHOUT ROWID

;
INSERT INTO "cf_tallies" VALUES(1,2,7,2,1700000000);
CREATE TABLE cf_texts (
	id INTEGER NOT NULL, 
	digest BLOB NOT NULL, 
	artist TEXT NOT NULL, 
	title TEXT NOT NULL, 
	album TEXT NOT NULL, 
	album_artist TEXT NOT NULL, 
	recording_mbid TEXT NOT NULL, 
	track_mbid TEXT NOT NULL, 
	path BLOB NOT NULL, 
	duration FLOAT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (digest)
);
INSERT INTO "cf_texts" VALUES(1,X'2936E8FDEC133678CD39E0004F1C52F9','Café','Ünd','Best of','Various','','',X'612FEDB3BF2E6D7033',245.0);
INSERT INTO "cf_texts" VALUES(2,X'AC50746E17FFB487091EC97804E3E98D','Can','Halleluhwah','','','','',X'',0.0);
COMMIT;
