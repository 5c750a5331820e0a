"""An index on storage that many machines share, as Lance tables at a URI; needs the extra `scale`.

    file:///archive/qa, s3://archive/qa, gs://..., az://...
        articles.lance       one row an article, its text as bytes
        passages.lance       one row a passage: place, sentences, words as we analyse them, vector
        words.lance          how many passages hold a word: what each generation adds to that, or
        takes away generations.lance    one row a generation: which versions of the three tables it
        is, and
        with what it was made lease.lance          one row: who is building, and until when nobody
        else may

Lance keeps each commit to a table as a version of its own, and a generation is a row that names one
version of each table. A build commits as it goes, whole articles at a time, and its last commit,
that row,
publishes all of them: whoever asks meanwhile reads the versions before. Killed anywhere, an index
is whole, and the next build
goes on from what the killed one had committed.
"""
