from synthdata.cli import main

raise SystemExit(main())
