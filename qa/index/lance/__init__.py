"""Shared index: articles -> tables at a URI that many machines search; needs the extra `scale`.

In: an articles folder, an encoder and a URI. Out: a `SearchIndex`. May import: the other modules of
index, articles, encoder, types, errors.

    file:///archive/qa, s3://archive/qa, gs://..., az://...
        articles.lance       one row an article, its text as bytes
        passages.lance       one row a passage: place, sentences, analysed words, vector
        words.lance          the change in each word's document frequency, per generation
        generations.lance    one row a generation: the version of each of the three tables that
                             belongs to it, and what it was made with
        lease.lance          one row: who is building, and until when nobody else may

Lance keeps each commit to a table as a version, and a generation is a row that names one version of
each table. A build commits as it goes, whole articles at a time, and publishes them by its last
commit, that row; meanwhile readers see the versions before. Killed anywhere, the index is whole,
and the next build goes on from what the killed one had committed.
"""
