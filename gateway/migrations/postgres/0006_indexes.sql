-- Indexes that nothing asks: an event is told apart by its id in the trail, from which its entry's id follows.

DROP INDEX message_event;
ALTER TABLE audit DROP CONSTRAINT audit_id_key;
